"""A dynamic program over money that closes what prices leave open: dear items first, each taken or not.

The items that the gap of a leaf leaves open are gone through by group, and within a group from the dearest to the cheapest (`program`). A
state is the money spent and the score; of two with the same conditions ahead the one that is dearer and no better is dropped, and
so is one that cannot beat the incumbent with all that the items ahead can add (`states`). What keeps the lists short where costs
come in clusters, so that the linear relaxation is far off: dear items leave few ways to spend nearly all of the money.

`lists` goes through the items with exact states. A list that grows too long keeps its most promising states, which finds good
sets. `boxes` first goes through them with states of nearly equal cost joined: where even a box as cheap as its cheapest state and as
good as its best cannot become good enough, nothing in it can, and what is left tells `lists` where to look.
"""

from .solve import amounts, close_by_money

__all__ = ["amounts", "close_by_money"]
