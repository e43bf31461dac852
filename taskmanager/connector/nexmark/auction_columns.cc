#include <algorithm>

#include "taskmanager/connector/nexmark/event_columns.h"

namespace weir::taskmanager::nexmark {
namespace {

using batch::Column;
using batch::TypeKind;

enum AuctionField : uint64_t { kItemName, kDescription, kInitialBid, kReserve, kExpires, kSeller, kCategory, kExtra };

constexpr int kNameLimit = 20;
constexpr int kDescriptionLimit = 100;
/// Events until the next 100 auctions (in flight) have been made, 3 in 50 events.
constexpr int64_t kEventsForAuctions = 100 * kEpoch / 3;

Column Id(const MakerInput& in) {
  return NumberColumn(TypeKind::kBigint, in.events.size(),
                      [&in](int64_t i) { return kFirstId + in.events.LastAuction(i); });
}
Column ItemName(const MakerInput& in) {
  return TextColumn(in.events.size(), kNameLimit, [&in](int64_t i, char* out) {
    return RandomText(Draw(in.events.hash[i], kItemName), kNameLimit, ' ', out);
  });
}
Column Description(const MakerInput& in) {
  return TextColumn(in.events.size(), kDescriptionLimit, [&in](int64_t i, char* out) {
    return RandomText(Draw(in.events.hash[i], kDescription), kDescriptionLimit, ' ', out);
  });
}
Column InitialBid(const MakerInput& in) {
  return NumberColumn(TypeKind::kBigint, in.events.size(),
                      [&in](int64_t i) { return Price(Draw(in.events.hash[i], kInitialBid)); });
}
Column Reserve(const MakerInput& in) {
  return NumberColumn(TypeKind::kBigint, in.events.size(), [&in](int64_t i) {
    return Price(Draw(in.events.hash[i], kInitialBid)) + Price(Draw(in.events.hash[i], kReserve));
  });
}
Column DateTime(const MakerInput& in) {
  return NumberColumn(TypeKind::kTimestamp, in.events.size(), [&in](int64_t i) { return in.events.time[i]; });
}
Column Expires(const MakerInput& in) {
  return NumberColumn(TypeKind::kTimestamp, in.events.size(), [&in](int64_t i) {
    const int64_t number = in.events.id[i] - in.piece.first_id();
    const int64_t horizon = in.piece.MillisAt(number + kEventsForAuctions) - in.piece.MillisAt(number);
    const int64_t millis = 1 + Below(Draw(in.events.hash[i], kExpires), std::max<int64_t>(2 * horizon, 1));
    return in.events.time[i] + millis * 1000;
  });
}
Column Seller(const MakerInput& in) {
  return NumberColumn(TypeKind::kBigint, in.events.size(), [&in](int64_t i) {
    const uint64_t random = Draw(in.events.hash[i], kSeller);
    const int64_t last = in.events.epoch[i];
    // Three quarters of the auctions are of one person in a hundred.
    return kFirstId + ((random >> 62) != 0 ? last / 100 * 100 : RandomPerson(last, random << 2));
  });
}
Column Category(const MakerInput& in) {
  return NumberColumn(TypeKind::kBigint, in.events.size(),
                      [&in](int64_t i) { return 10 + Below(Draw(in.events.hash[i], kCategory), 5); });
}
Column Extra(const MakerInput& in) {
  return FillerColumn(in.events, kExtra, 500, [&in](int64_t i) {
    char text[kDescriptionLimit + 8];
    size_t used = 48;
    used += RandomText(Draw(in.events.hash[i], kItemName), kNameLimit, ' ', text);
    used += RandomText(Draw(in.events.hash[i], kDescription), kDescriptionLimit, ' ', text);
    return static_cast<int64_t>(used);
  });
}

}  // namespace

const std::vector<ColumnMaker>& AuctionMakers() {
  static const auto* const makers = new std::vector<ColumnMaker>{Id,      ItemName, Description, InitialBid, Reserve,
                                                                 DateTime, Expires,  Seller,      Category,   Extra};
  return *makers;
}

}  // namespace weir::taskmanager::nexmark
