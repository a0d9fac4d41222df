INSERT INTO `shop-project.features.nearest_20260102T030405-ab_c` (item_id, region_id, segment, in_stock, vector)
WITH items AS (
SELECT 1 AS the_items
),
live_0 AS (
SELECT 2 AS the_features
),
once_0 AS (
  SELECT item_id, region_id, vector, SQRT((SELECT SUM(number * number) FROM UNNEST(vector) AS number)) AS length
  FROM (
    SELECT item_id, region_id, vector,
      ROW_NUMBER() OVER (PARTITION BY item_id, region_id ORDER BY image_index) AS nth
    FROM live_0
  )
  WHERE nth = 1
),
shifted_0 AS (
  SELECT item_id, region_id, ARRAY(
    SELECT number / length - @mean_0[ORDINAL(place + 1)]
    FROM UNNEST(vector) AS number WITH OFFSET AS place ORDER BY place
  ) AS vector
  FROM once_0
),
part_0 AS (
  SELECT item_id, region_id, ARRAY(
    SELECT SQRT(@weight_0) * number / length
    FROM UNNEST(vector) AS number WITH OFFSET AS place ORDER BY place
  ) AS vector
  FROM (SELECT item_id, region_id, vector, SQRT((SELECT SUM(number * number) FROM UNNEST(vector) AS number)) AS length FROM shifted_0)
)
SELECT item_id, region_id, items.segment, items.in_stock, part_0.vector
FROM part_0
JOIN items USING (item_id)
