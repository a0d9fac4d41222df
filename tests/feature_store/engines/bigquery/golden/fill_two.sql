INSERT INTO `shop-project.features.nearest_20260102T030405-ab_c` (item_id, region_id, segment, in_stock, vector)
WITH items AS (
SELECT 1 AS the_items
),
live_0 AS (
SELECT 2 AS one
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
),
live_1 AS (
SELECT 3 AS other
),
once_1 AS (
  SELECT item_id, region_id, vector, SQRT((SELECT SUM(number * number) FROM UNNEST(vector) AS number)) AS length
  FROM (
    SELECT item_id, region_id, vector,
      ROW_NUMBER() OVER (PARTITION BY item_id, region_id ORDER BY image_index) AS nth
    FROM live_1
  )
  WHERE nth = 1
),
shifted_1 AS (
  SELECT item_id, region_id, ARRAY(
    SELECT number / length - @mean_1[ORDINAL(place + 1)]
    FROM UNNEST(vector) AS number WITH OFFSET AS place ORDER BY place
  ) AS vector
  FROM once_1
),
part_1 AS (
  SELECT item_id, region_id, ARRAY(
    SELECT SQRT(@weight_1) * number / length
    FROM UNNEST(vector) AS number WITH OFFSET AS place ORDER BY place
  ) AS vector
  FROM (SELECT item_id, region_id, vector, SQRT((SELECT SUM(number * number) FROM UNNEST(vector) AS number)) AS length FROM shifted_1)
)
SELECT item_id, region_id, items.segment, items.in_stock, ARRAY_CONCAT(part_0.vector, part_1.vector)
FROM part_0
JOIN part_1 USING (item_id, region_id)
JOIN items USING (item_id)
