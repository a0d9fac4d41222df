"""The things the demo shop sells, one module for each, and what some of them share.

Clothing: `tailoring`, `t_shirts`, `dresses`, `trousers`, `jackets`; shoes: `lasts`, `sneakers`,
`boots`; bags: `handbags`, `backpacks`, `suitcases`; small things: `watches`, `sunglasses`, `hats`,
`headphones`, `mugs`, `umbrellas`; for the home: `chairs`, `sofas`, `lamps`, `plants`; outdoors and
music: `bicycles`, `guitars`. `shells` has the shapes that many are cut from. Each product's
function designs one item from a random source.
"""
