#include "tests/simulation/workload/source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "tests/simulation/oracle/windows.h"
#include "tests/simulation/scheduler/simulation.h"

namespace weir::sim {
namespace {

constexpr int64_t kMostRowsOfARead = 64;

int64_t IntOf(const job::Node& node, std::string_view key, int64_t otherwise) {
  const job::Value* value = node.options.Find(key);
  return value == nullptr ? otherwise : value->integer;
}

class Descriptor final : public job::ConnectorDescriptor {
 public:
  Descriptor() {
    for (const char* name : {"splits", "per_second", "records"}) {
      job::OptionSpec option;
      option.name = name;
      option.kind = job::OptionKind::kInt;
      option.min = 0;
      source_.options.push_back(option);
    }
    job::OptionSpec start;
    start.name = "start";
    start.kind = job::OptionKind::kEnum;
    start.choices = {"earliest", "latest"};
    start.default_text = "earliest";
    source_.options.push_back(start);
  }
  std::string_view type() const override { return "simulated"; }
  const job::ConnectorTraits* source() const override { return &source_; }
  bool Bounded(const job::Node& node) const override { return node.options.Find("records") != nullptr; }
  std::optional<batch::Schema> OutputSchema(const job::Node&, config::Diagnostics*) const override {
    batch::Schema schema;
    for (const char* name : {"p", "s", "k", "f"}) {
      schema.fields.push_back({name, {.kind = batch::TypeKind::kBigint, .nullable = false}});
    }
    schema.fields.push_back({"t", {.kind = batch::TypeKind::kTimestamp, .nullable = false}});
    return schema;
  }

 private:
  job::ConnectorTraits source_;
};

class Enumerator final : public taskmanager::SplitEnumerator {
 public:
  explicit Enumerator(const job::Node& node) : node_(node) {}
  absl::StatusOr<std::vector<checkpoint::SourceSplits::Split>> Enumerate(int32_t) override {
    TheSimulation().AwaitBetween(1'000, 20'000);
    const job::Value* start = node_.options.Find("start");
    const bool latest = start != nullptr && start->text == "latest";
    const int64_t records = IntOf(node_, "records", -1);
    std::vector<checkpoint::SourceSplits::Split> splits;
    for (int64_t i = 0; i < IntOf(node_, "splits", 1); ++i) {
      const int64_t from = latest ? SourceLog::End(IntOf(node_, "per_second", 1), TheSimulation().Now()) : 0;
      splits.push_back(
          {EncodeSimulatedSplit(from, records < 0 ? -1 : from + records), absl::StrCat(node_.name, "-", i)});
    }
    return splits;
  }

 private:
  const job::Node& node_;
};

}  // namespace

std::shared_ptr<const job::ConnectorDescriptor> SimulatedSourceDescriptor() { return std::make_shared<Descriptor>(); }

std::string EncodeSimulatedSplit(int64_t start, int64_t end) {
  std::string payload;
  ByteWriter writer(&payload);
  writer.Put<int64_t>(start);
  writer.Put<int64_t>(end);
  return payload;
}

bool DecodeSimulatedSplit(const std::string& payload, int64_t* start, int64_t* end) {
  ByteReader reader(payload);
  *start = reader.Get<int64_t>();
  *end = reader.Get<int64_t>();
  return reader.AtEnd();
}

SimulatedReader::SimulatedReader(const taskmanager::SourceContext& context, Journal* journal)
    : context_(context), journal_(journal), per_second_(IntOf(*context.node, "per_second", 1)) {}

absl::Status SimulatedReader::AddSplit(int32_t index, const checkpoint::SourceSplits::Split& split,
                                       const std::string& position) {
  Split added;
  if (!DecodeSimulatedSplit(split.payload, &added.start, &added.end)) return absl::DataLossError("not a split");
  added.next = added.start;
  if (!position.empty() && !absl::SimpleAtoi(position, &added.next)) {
    return absl::DataLossError(absl::StrCat("`", position, "` is no position"));
  }
  splits_[index] = added;
  turns_.push_back(index);
  journal_->opened.push_back(
      {TheSimulation().Now(), context_.job, context_.attempt, index, added.start, added.next});
  TheSimulation().Trace("source opens", index, added.start, added.next, context_.attempt.value);
  return absl::OkStatus();
}

std::string SimulatedReader::Position(int32_t index) const {
  const auto it = splits_.find(index);
  return it == splits_.end() || it->second.next == it->second.start ? "" : absl::StrCat(it->second.next);
}

void SimulatedReader::OnSnapshot(CheckpointId checkpoint) {
  for (const auto& [index, split] : splits_) {
    journal_->snapshots[{context_.job, index}][checkpoint].push_back({context_.attempt, split.next, split.ended()});
  }
}

absl::StatusOr<taskmanager::ReadResult> SimulatedReader::Read(int64_t max_rows) {
  taskmanager::ReadResult result;
  bool all_ended = true;
  const int64_t exists = SourceLog::End(per_second_, TheSimulation().Now());
  for (size_t tried = 0; tried < turns_.size(); ++tried) {
    const int32_t index = turns_.front();
    turns_.pop_front();
    turns_.push_back(index);
    Split& split = splits_[index];
    if (split.ended()) continue;
    all_ended = false;
    const int64_t end = split.end < 0 ? exists : std::min(exists, split.end);
    const int64_t count = std::min({max_rows, kMostRowsOfARead, end - split.next});
    if (count <= 0) continue;
    result.kind = taskmanager::ReadResult::Kind::kBatch;
    result.split = index;
    result.batch = RowsOf(index, split.next, count);
    split.next += count;
    result.split_ended = split.ended();
    return result;
  }
  if (all_ended) {
    result.kind = taskmanager::ReadResult::Kind::kEnded;
  } else {
    // Some records at a time, as a client's fetch would bring them.
    result.retry_at = context_.clock->Steady() + std::max<int64_t>(20'000, 3'000'000 / std::max<int64_t>(1, per_second_));
  }
  return result;
}

batch::Batch SimulatedReader::RowsOf(int32_t split, int64_t from, int64_t count) const {
  batch::Batch rows;
  rows.schema = context_.schema;
  rows.rows = count;
  for (const batch::Field& field : context_.schema->fields) {
    batch::Column column = batch::Column::Allocate(field.type, count);
    for (int64_t i = 0; i < count; ++i) {
      const Content content = ContentOf(split, from + i);
      const char what = field.name[0];
      column.mutable_data<int64_t>()[i] = what == 'p'   ? split
                                          : what == 's' ? from + i
                                          : what == 'k' ? content.key
                                          : what == 'f' ? (content.passes ? 1 : 0)
                                                        : content.time_micros;
    }
    rows.columns.push_back(std::move(column));
  }
  return rows;
}

void RegisterSimulatedSource(taskmanager::ConnectorRegistry* registry, Journal* journal) {
  using taskmanager::SourceContext;
  taskmanager::ConnectorRegistry::SourceFactory factory;
  factory.enumerator =
      [](const SourceContext& context) -> absl::StatusOr<std::unique_ptr<taskmanager::SplitEnumerator>> {
    return std::make_unique<Enumerator>(*context.node);
  };
  factory.reader =
      [journal](const SourceContext& context) -> absl::StatusOr<std::unique_ptr<taskmanager::SourceReader>> {
    return std::make_unique<SimulatedReader>(context, journal);
  };
  registry->sources["simulated"] = std::move(factory);
}

}  // namespace weir::sim
