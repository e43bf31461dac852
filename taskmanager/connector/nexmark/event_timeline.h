#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "taskmanager/connector/nexmark/nexmark_descriptor.h"

namespace weir::taskmanager::nexmark {

/// Of 50 consecutive events, the first is a person, three are auctions, the others bids.
inline constexpr int64_t kEpoch = 50;
inline constexpr int64_t kAuctionsPerEpoch = 3;
inline constexpr int64_t kBidsFrom = 4;  // place of the first bid in an epoch

/// Some events of one generator, in the order of their ids.
struct Events {
  std::vector<int64_t> id;
  std::vector<int64_t> epoch;  // id / kEpoch: also the last person's number
  std::vector<uint64_t> hash;
  std::vector<int64_t> time;  // microseconds

  int64_t size() const { return static_cast<int64_t>(id.size()); }
  void Resize(int64_t rows);
  /// Number of the last auction at event i.
  int64_t LastAuction(int64_t i) const {
    const int64_t place = id[i] - epoch[i] * kEpoch;
    return kAuctionsPerEpoch * epoch[i] + (place < kBidsFrom ? place - 1 : kAuctionsPerEpoch - 1);
  }
};

/// One split: every `pieces`-th block of epochs of one generator. The generator's events lie on the timeline of all.
///
/// Thread:  a value.
/// Shape:   rows are numbered from 0 within the piece, and are events of one stream only.
class EventPiece {
 public:
  /// Epochs that stay together in one piece.
  static constexpr int64_t kBlock = 80;

  EventPiece() = default;
  EventPiece(const Options& options, int64_t generator, int64_t piece, int64_t pieces);

  /// Events of the stream in this piece; the largest int64_t when it is endless.
  int64_t rows() const { return rows_; }
  /// Rows [from, from + count).
  void Fill(int64_t from, int64_t count, Events* events) const;
  /// Event time of event `number` of the generator, in milliseconds behind the base time.
  int64_t MillisAt(int64_t number) const;
  int64_t first_id() const { return first_id_; }
  uint64_t seed() const { return seed_; }

 private:
  int64_t CountRows(int64_t events) const;

  int64_t per_epoch_ = kEpoch;  // rows of the stream
  int64_t offset_ = 0;          // place of the first
  int64_t piece_ = 0;
  int64_t pieces_ = 1;
  int64_t first_id_ = 0;
  int64_t generators_ = 1;
  int64_t rate_ = 1;
  int64_t base_time_ = 0;
  uint64_t seed_ = 0;
  int64_t rows_ = 0;
};

}  // namespace weir::taskmanager::nexmark
