-- key: bidder, auction
-- alike: bidder, auction, date_time
SELECT * FROM bid
QUALIFY row_number() OVER (PARTITION BY bidder, auction ORDER BY date_time DESC, canonical_hash DESC) = 1
