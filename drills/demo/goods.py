"""What the demo shop sells: forty products of eight merchants, each with a picture of the shop's.

Ids are made of names, so a shop that has them already is known to have them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Good:
    """One product: who lists it, who photographs it, and which of the page's pictures it has."""

    name: str
    merchant: str
    photographer: str
    category: str
    cents: int
    picture: str
    description: str

    @property
    def id(self) -> str:
        return self.name.lower().replace(" ", "-")

    @property
    def body(self) -> dict[str, Any]:
        """What its merchant says to list it."""
        return {
            "id": self.id,
            "brand": BRANDS[self.merchant],
            "name": self.name,
            "description": self.description,
            "category": self.category,
            "price": {"amount": self.cents, "currency": "EUR"},
        }


BRANDS = {
    "Mia Brandt": "Halde",
    "Okan Demir": "Okapi",
    "Ines Duarte": "Maré",
    "Jonas Ebert": "Nordlys",
    "Aiko Ito": "Kumo",
    "Grace Okoye": "Tamarind",
    "Luca Conti": "Forno Conti",
    "Hana Kovac": "Vesper",
}
PHOTOGRAPHERS = ("Phil Noor", "Zoë Lindqvist", "Sam Achebe", "Tea Horvat", "Ravi Menon")

# merchant, category, picture: name, price in cents, what is said of it
SHELVES = """
Mia Brandt | kitchen | cup
  Espresso Cup | 1400 | Holds a double and keeps it warm. Thrown by hand, glazed inside.
  Morning Mug | 1900 | A large mug with a handle for three fingers.
  Travel Beaker | 2400 | Stoneware with a cork lid. Fits under most machines.
  Tea Bowl | 1700 | Without a handle, for cold mornings and both hands.
  Milk Jug | 2200 | Pours without a drop on the table.
Aiko Ito | kitchen | bowl
  Ramen Bowl | 3200 | Deep, wide and heavy enough to stay where it is.
  Rice Bowl | 1800 | Porcelain so thin that light comes through.
  Salad Bowl | 5400 | For six people, or for two who like salad.
  Dipping Dish | 900 | Small, shallow, and made for soy sauce.
  Serving Bowl | 4600 | One blue wave, painted in a single stroke.
Ines Duarte | flowers | vase
  Bud Vase | 2100 | For the one flower that you brought home.
  Dry Flower Vase | 3400 | Narrow neck, wide shoulders, no water needed.
  Floor Vase | 12900 | Knee high, for branches and pampas grass.
  Glass Carafe Vase | 2800 | A carafe on weekdays, a vase on Sundays.
  Tulip Vase | 4200 | Five necks, so that tulips stand apart.
Jonas Ebert | light | lamp
  Reading Lamp | 8900 | A warm cone of light and a chain to pull.
  Bedside Lamp | 6400 | Linen shade, oak foot, a switch that you find in the dark.
  Desk Lamp | 11200 | Stands on little and reaches far.
  Paper Lamp | 3900 | Folded from one sheet of washi.
  Harbour Lamp | 15800 | Enamelled like those on the quay.
Grace Okoye | textiles | scarf
  Wool Scarf | 5200 | Two metres of undyed wool.
  Linen Scarf | 3800 | Washed soft, for the evenings in May.
  Fringed Scarf | 4400 | Woven on a narrow loom, knotted by hand.
  Winter Shawl | 8600 | As large as a blanket, and used as one.
  Silk Square | 6900 | Printed with the tram map of Lisbon.
Hana Kovac | living | chair
  Kitchen Chair | 14900 | Beech, soap finished, stackable.
  School Chair | 11900 | The one that we all sat on, made to last.
  Window Clock | 7900 | Hangs where you see it from the street.
  Station Clock | 13400 | Stops for a breath at every full minute.
  Kitchen Timer Clock | 4900 | An hour at most, and a bell that one hears.
Okan Demir | living | basket
  Market Basket | 5900 | Willow, and a handle that does not cut.
  Bread Basket | 2600 | For a loaf, lined with linen.
  Laundry Basket | 7200 | Carries more than you can.
  Picnic Basket | 9800 | Four plates, four glasses, one blanket.
  Bicycle Basket | 4700 | Two straps, no tools.
Luca Conti | bakery | cake
  Lemon Cake | 2400 | Sharp lemons, soft crumb, thick icing.
  Birthday Cake | 3600 | Feeds twelve. The candle is a gift.
  Chocolate Cake | 2900 | Seventy per cent, and no flour at all.
  Cherry Print | 4500 | The first cherries of June, printed in four colours.
  Baker at Five | 5500 | A print of the bakery before the city wakes.
"""
DRAWN = {"Clock": "clock", "Print": "print", "Five": "print"}  # by the last word of the name


def goods() -> list[Good]:
    """Everything on the shelves, in their order."""
    found: list[Good] = []
    for line in SHELVES.strip().splitlines():
        parts = [part.strip() for part in line.split(" | ")]
        if not line.startswith("  "):
            merchant, category, picture = parts
            continue
        name, cents, said = parts
        photographer = PHOTOGRAPHERS[len(found) * 3 % 7 % len(PHOTOGRAPHERS)]
        drawn = DRAWN.get(name.split()[-1], picture)
        found.append(Good(name, merchant, photographer, category, int(cents), drawn, said))
    return found
