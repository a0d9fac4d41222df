SELECT query.asked AS query, base.item_id, base.region_id,
  1 - distance AS cosine
FROM VECTOR_SEARCH(
  (
    SELECT item_id, region_id, segment, in_stock, vector
    FROM `shop-project.features.nearest_20260102T030405-ab_c`
    WHERE segment = @segment
  ),
  'vector',
  (
    SELECT position AS asked, ARRAY(
      SELECT CAST(number AS FLOAT64)
      FROM UNNEST(SPLIT(question, ',')) AS number WITH OFFSET AS place ORDER BY place
    ) AS vector
    FROM UNNEST(@questions) AS question WITH OFFSET AS position
  ),
  query_column_to_search => 'vector',
  top_k => 100,
  distance_type => 'COSINE',
  options => '{"fraction_lists_to_search": 0.025}'
)
