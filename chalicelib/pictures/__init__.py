"""Pictures: what photographers send, as the shop keeps and shows it.

`image` says whether bytes are a picture, and what of it is kept. `media` fetches what a message
brought from where it lies. The `shelf` is where pictures lie, under the hash of their bytes. And
`uploads` is the way without a phone: sent to where the shop says, then given to a product.
"""
