-- A bid begins a session unless one of the same bidder came less than 10 seconds before.
WITH marked AS (
  SELECT bidder, date_time,
    CASE WHEN date_time < lag(date_time) OVER one + INTERVAL 10 SECONDS THEN 0 ELSE 1 END AS begins
  FROM bid WINDOW one AS (PARTITION BY bidder ORDER BY date_time)
), numbered AS (
  SELECT bidder, date_time, sum(begins) OVER (PARTITION BY bidder ORDER BY date_time) AS session FROM marked
)
SELECT bidder, count(*) AS bid_count, min(date_time) AS starttime,
  max(date_time) + INTERVAL 10 SECONDS AS endtime
FROM numbered GROUP BY bidder, session
