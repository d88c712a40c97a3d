"""A morning in a café: people order, pay, change their minds; others make, hand over and bring.

script   who comes when and wants what: a pure function of the seed
visit    one customer, from the door to the end of the order
staff    baristas, a maker and a courier, who work off their lists
play     all of them at once
report   what is told at the end
"""
