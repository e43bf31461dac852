WITH counts AS (
  SELECT auction, time_bucket(INTERVAL 2 SECONDS, date_time) - slide * INTERVAL 2 SECONDS AS starttime, count(*) AS num
  FROM bid, range(5) AS slides(slide)
  GROUP BY ALL
)
SELECT auction, num FROM counts QUALIFY num = max(num) OVER (PARTITION BY starttime)
