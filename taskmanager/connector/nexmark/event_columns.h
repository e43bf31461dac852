#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/batch/batch.h"
#include "taskmanager/connector/nexmark/event_random.h"
#include "taskmanager/connector/nexmark/event_timeline.h"

namespace weir::taskmanager::nexmark {

/// Ids of persons and auctions begin here, categories at their own number.
inline constexpr int64_t kFirstId = 1000;

/// The channels of bids with the url of each, made once: four that half of the bids use, then 10 000 others. Their
/// texts lie in one buffer that the columns of all batches share.
/// Thread: immutable.
class Channels {
 public:
  static constexpr int64_t kHot = 4;
  static constexpr int64_t kOthers = 10000;

  explicit Channels(uint64_t seed);
  const std::vector<batch::StringRef>& names() const { return names_; }
  const std::vector<batch::StringRef>& urls() const { return urls_; }
  const batch::BufferPtr& text() const { return text_; }

 private:
  std::vector<batch::StringRef> names_;
  std::vector<batch::StringRef> urls_;
  batch::BufferPtr text_;
};

/// What makers of columns read.
struct MakerInput {
  const Events& events;
  const EventPiece& piece;
  const Channels& channels;
};
using ColumnMaker = batch::Column (*)(const MakerInput&);

/// One maker per field of FieldsOf(stream), in that order; not for kAll.
const std::vector<ColumnMaker>& MakersOf(Stream stream);
const std::vector<ColumnMaker>& PersonMakers();
const std::vector<ColumnMaker>& AuctionMakers();
const std::vector<ColumnMaker>& BidMakers();

/// A column of `value(i)`, i in [0, rows).
template <typename F>
batch::Column NumberColumn(batch::TypeKind kind, int64_t rows, F value) {
  batch::Column column = batch::Column::Allocate({.kind = kind, .nullable = false}, rows);
  auto* const out = column.mutable_data<int64_t>();
  for (int64_t i = 0; i < rows; ++i) out[i] = value(i);
  return column;
}
/// A column of texts; `write(i, out)` writes at most `longest` bytes (and 8 beyond) and returns the size.
template <typename F>
batch::Column TextColumn(int64_t rows, size_t longest, F write) {
  const batch::DataType type{.kind = batch::TypeKind::kString, .nullable = false};
  batch::Column column = batch::Column::Allocate(type, rows);
  batch::BufferPtr text = batch::Buffer::Allocate(static_cast<size_t>(rows) * longest + 8);
  char* at = text->data();
  auto* const out = column.mutable_data<batch::StringRef>();
  for (int64_t i = 0; i < rows; ++i) {
    const size_t size = write(i, at);
    out[i] = batch::StringRef({at, size});
    at += size;
  }
  column.AddHeap(std::move(text));
  return column;
}
/// Fillers that bring each row of `used(i)` bytes to `average` bytes on average.
template <typename F>
batch::Column FillerColumn(const Events& events, uint64_t field, int64_t average, F used) {
  const batch::DataType type{.kind = batch::TypeKind::kString, .nullable = false};
  const int64_t rows = events.size();
  batch::Column column = batch::Column::Allocate(type, rows);
  auto* const out = column.mutable_data<batch::StringRef>();
  std::vector<uint16_t> sizes(static_cast<size_t>(rows));
  size_t bytes = 0;
  for (int64_t i = 0; i < rows; ++i) {
    sizes[i] = static_cast<uint16_t>(FillerSize(Draw(events.hash[i], field), used(i), average));
    bytes += sizes[i];
  }
  batch::BufferPtr text = batch::Buffer::Allocate(bytes + 8);
  char* at = text->data();
  for (int64_t i = 0; i < rows; ++i) {
    RandomBytes(Draw(events.hash[i], field), sizes[i], at);
    at += sizes[i];
  }
  // All at once: a loop over many bytes runs in vectors.
  MakeLetters(text->data(), static_cast<size_t>(at - text->data()));
  at = text->data();
  for (int64_t i = 0; i < rows; ++i) {
    out[i] = batch::StringRef({at, sizes[i]});
    at += sizes[i];
  }
  column.AddHeap(std::move(text));
  return column;
}

/// The person whom an event names at random: one of the last 1000, or one of ten to come.
inline int64_t RandomPerson(int64_t last_person, uint64_t random) {
  const int64_t people = last_person + 1;
  const int64_t active = people < 1000 ? people : 1000;
  return people - active + Below(random, active + 10);
}

}  // namespace weir::taskmanager::nexmark
