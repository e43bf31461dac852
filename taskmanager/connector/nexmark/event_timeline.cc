#include "taskmanager/connector/nexmark/event_timeline.h"

#include <algorithm>
#include <limits>

#include "taskmanager/connector/nexmark/event_random.h"

namespace weir::taskmanager::nexmark {
namespace {

/// Of endless generators: far enough apart that they never meet.
constexpr int64_t kEndlessRange = kEpoch << 44;

}  // namespace

void Events::Resize(int64_t rows) {
  id.resize(rows);
  epoch.resize(rows);
  hash.resize(rows);
  time.resize(rows);
}

EventPiece::EventPiece(const Options& options, int64_t generator, int64_t piece, int64_t pieces)
    : piece_(piece), pieces_(pieces), generators_(options.generators), rate_(options.event_rate),
      base_time_(options.base_time), seed_(options.seed) {
  switch (options.stream) {
    case Stream::kPerson: per_epoch_ = 1; offset_ = 0; break;
    case Stream::kAuction: per_epoch_ = kAuctionsPerEpoch; offset_ = 1; break;
    case Stream::kBid: per_epoch_ = kEpoch - kBidsFrom; offset_ = kBidsFrom; break;
    case Stream::kAll: break;
  }
  if (!options.events) {
    first_id_ = generator * kEndlessRange;
    rows_ = std::numeric_limits<int64_t>::max();
    return;
  }
  // Ranges start with an epoch, so that the n-th event of each generator is of the same kind.
  const auto begin = [&](int64_t g) {
    const auto epochs = static_cast<__int128>(*options.events / kEpoch);
    return static_cast<int64_t>(epochs * g / generators_) * kEpoch;
  };
  first_id_ = begin(generator);
  rows_ = CountRows((generator + 1 == generators_ ? *options.events : begin(generator + 1)) - first_id_);
}

int64_t EventPiece::CountRows(int64_t events) const {
  const int64_t epochs = events / kEpoch;
  const int64_t blocks = epochs / kBlock;
  const int64_t rounds = blocks / pieces_;
  const int64_t last = blocks % pieces_;  // whose turn the unfinished block is
  int64_t rows = (rounds + (piece_ < last ? 1 : 0)) * kBlock * per_epoch_;
  if (piece_ == last) {
    rows += epochs % kBlock * per_epoch_ + std::clamp<int64_t>(events % kEpoch - offset_, 0, per_epoch_);
  }
  return rows;
}

int64_t EventPiece::MillisAt(int64_t number) const {
  // floor(floor(number * 10^6 * generators / rate) / 1000)
  const int64_t scale = generators_ * 1000;
  if (number < std::numeric_limits<int64_t>::max() / scale) {
    return static_cast<int64_t>(static_cast<uint64_t>(number * scale) / static_cast<uint64_t>(rate_));
  }
  return static_cast<int64_t>(static_cast<__int128>(number) * scale / rate_);
}

void EventPiece::Fill(int64_t from, int64_t count, Events* events) const {
  events->Resize(count);
  const int64_t scale = generators_ * 1000;
  int64_t row = 0;
  int64_t place = from % per_epoch_;
  for (int64_t q = from / per_epoch_; row < count; ++q) {
    const int64_t epoch = (q / kBlock * pieces_ + piece_) * kBlock + q % kBlock;
    int64_t number = epoch * kEpoch + offset_ + place;
    // From one event to the next without dividing.
    int64_t millis = MillisAt(number);
    auto rest = static_cast<int64_t>(static_cast<__int128>(number) * scale % rate_);
    for (; place < per_epoch_ && row < count; ++place, ++row, ++number) {
      events->id[row] = first_id_ + number;
      events->epoch[row] = first_id_ / kEpoch + epoch;
      events->time[row] = base_time_ + millis * 1000;
      rest += scale % rate_;
      millis += scale / rate_ + (rest >= rate_ ? 1 : 0);
      rest -= rest >= rate_ ? rate_ : 0;
    }
    place = 0;
  }
  for (row = 0; row < count; ++row) events->hash[row] = EventHash(seed_, events->id[row]);
}

}  // namespace weir::taskmanager::nexmark
