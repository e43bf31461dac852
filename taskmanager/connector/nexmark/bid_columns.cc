#include <algorithm>

#include "taskmanager/connector/nexmark/event_columns.h"

namespace weir::taskmanager::nexmark {
namespace {

using batch::Column;
using batch::TypeKind;

enum BidField : uint64_t { kAuction, kBidder, kPrice, kChannel, kExtra };

constexpr int64_t kActiveAuctions = 100;
constexpr int64_t kAuctionsToCome = 10;

Column Auction(const MakerInput& in) {
  return NumberColumn(TypeKind::kBigint, in.events.size(), [&in](int64_t i) {
    const uint64_t random = Draw(in.events.hash[i], kAuction);
    const int64_t last = in.events.LastAuction(i);
    const int64_t first = std::max<int64_t>(last - kActiveAuctions, 0);
    // Half of the bids are for one auction in a hundred.
    const int64_t hot = last / 100 * 100;
    const int64_t any = first + Below(random << 1, last - first + 1 + kAuctionsToCome);
    return kFirstId + ((random >> 63) != 0 ? hot : any);
  });
}

Column Bidder(const MakerInput& in) {
  return NumberColumn(TypeKind::kBigint, in.events.size(), [&in](int64_t i) {
    const uint64_t random = Draw(in.events.hash[i], kBidder);
    const int64_t last = in.events.epoch[i];
    // Three quarters of the bids are by one person in a hundred, another one than the hot seller.
    const int64_t hot = last / 100 * 100 + 1;
    return kFirstId + ((random >> 62) != 0 ? hot : RandomPerson(last, random << 2));
  });
}

Column BidPrice(const MakerInput& in) {
  return NumberColumn(TypeKind::kBigint, in.events.size(),
                      [&in](int64_t i) { return Price(Draw(in.events.hash[i], kPrice)); });
}

/// Half of the bids come through the hot channels.
int64_t ChannelOf(uint64_t hash) {
  const uint64_t random = Draw(hash, kChannel);
  if ((random >> 63) != 0) return static_cast<int64_t>((random >> 61) & 3);
  return Channels::kHot + Below(random << 1, Channels::kOthers);
}

Column Chosen(const MakerInput& in, const std::vector<batch::StringRef>& texts) {
  Column column = Column::Allocate({.kind = TypeKind::kString, .nullable = false}, in.events.size());
  auto* const out = column.mutable_data<batch::StringRef>();
  for (int64_t i = 0; i < in.events.size(); ++i) out[i] = texts[ChannelOf(in.events.hash[i])];
  column.AddHeap(in.channels.text());
  return column;
}

Column Channel(const MakerInput& in) { return Chosen(in, in.channels.names()); }
Column Url(const MakerInput& in) { return Chosen(in, in.channels.urls()); }

Column DateTime(const MakerInput& in) {
  return NumberColumn(TypeKind::kTimestamp, in.events.size(), [&in](int64_t i) { return in.events.time[i]; });
}

Column Extra(const MakerInput& in) {
  // Channel and url do not count.
  return FillerColumn(in.events, kExtra, 100, [](int64_t) { return 32; });
}

}  // namespace

const std::vector<ColumnMaker>& BidMakers() {
  static const auto* const makers =
      new std::vector<ColumnMaker>{Auction, Bidder, BidPrice, Channel, Url, DateTime, Extra};
  return *makers;
}

}  // namespace weir::taskmanager::nexmark
