-- The clock decides what comes together: the sums do not depend on it, and each window is told once.
-- found: SELECT bidder, sum(bid_count)::bigint AS bid_count, count(*) = count(DISTINCT starttime) AS once,
-- found:   bool_and(endtime = starttime + INTERVAL 10 SECONDS) AS long,
-- found:   bool_and(time_bucket(INTERVAL 10 SECONDS, starttime) = starttime) AS aligned
-- found: FROM (SELECT bidder::bigint AS bidder, bid_count::bigint AS bid_count,
-- found:   make_timestamp(starttime::bigint * 1000) AS starttime, make_timestamp(endtime::bigint * 1000) AS endtime
-- found:   FROM rows) GROUP BY bidder
SELECT bidder, count(*) AS bid_count, true AS once, true AS long, true AS aligned FROM bid GROUP BY bidder
