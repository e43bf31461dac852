SELECT DISTINCT person.id, person.name, time_bucket(INTERVAL 10 SECONDS, person.date_time) AS starttime
FROM person JOIN auction ON person.id = auction.seller
  AND time_bucket(INTERVAL 10 SECONDS, person.date_time) = time_bucket(INTERVAL 10 SECONDS, auction.date_time)
