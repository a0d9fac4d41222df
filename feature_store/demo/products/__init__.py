"""The things the demo shop sells, one module for each family.

`garments`, `footwear`, `bags`, `accessories`, `furniture`, `household`, `outdoors`: each function
designs one item from a random source.
"""
