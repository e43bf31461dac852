-- key: auction, rank_number
SELECT *, row_number() OVER (PARTITION BY auction ORDER BY price DESC, canonical) AS rank_number FROM bid
QUALIFY rank_number <= 10
