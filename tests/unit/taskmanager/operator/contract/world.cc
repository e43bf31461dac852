#include "tests/unit/taskmanager/operator/contract/world.h"

#include <memory>

#include "tests/unit/taskmanager/operator/operator_harness.h"

namespace weir::taskmanager::contract {
namespace {

batch::Batch MakeBatch(const batch::SchemaPtr& schema, const std::vector<const Row*>& rows) {
  BatchOf batch(schema, static_cast<int64_t>(rows.size()));
  auto at = [&](int64_t r) -> const Row& { return *rows[static_cast<size_t>(r)]; };
  batch.Set<int64_t>("id", [&](int64_t r) { return std::optional(at(r).id); });
  batch.Set<int64_t>("k", [&](int64_t r) { return at(r).k; });
  batch.Set<std::string>("s", [&](int64_t r) { return at(r).s; });
  batch.Set<int64_t>("v", [&](int64_t r) { return at(r).v; });
  batch.Set<int64_t>("ts", [&](int64_t r) { return std::optional(at(r).ts); });
  return batch.Finish();
}

struct Enumerator final : SplitEnumerator {
  absl::StatusOr<std::vector<checkpoint::SourceSplits::Split>> Enumerate(int32_t) override {
    std::vector<checkpoint::SourceSplits::Split> splits;
    for (int32_t s = 0; s < World::kSplits; ++s)
      splits.push_back({std::to_string(s), std::to_string(s)});
    return splits;
  }
};

/// Reads splits in random order and portions.
class Reader final : public SourceReader {
 public:
  Reader(World* world, SourceContext context) : world_(world), context_(std::move(context)) {}
  absl::Status AddSplit(int32_t index, const checkpoint::SourceSplits::Split&,
                        const std::string& position) override {
    at_[index] = position.empty() ? 0 : std::stoul(position);
    return absl::OkStatus();
  }
  absl::StatusOr<ReadResult> Read(int64_t max_rows) override {
    ReadResult result;
    if (at_.empty()) {
      result.kind = ReadResult::Kind::kEnded;
      return result;
    }
    auto it = at_.begin();
    std::advance(it, static_cast<int64_t>(world_->rng.Below(at_.size())));
    for (size_t tried = 0; tried < at_.size(); ++tried, ++it) {
      if (it == at_.end()) it = at_.begin();
      const std::vector<size_t>& rows = world_->Split(context_.node->name, it->first);
      size_t& at = it->second;
      const auto end = static_cast<size_t>(
          std::lower_bound(rows.begin(), rows.end(), world_->released()) - rows.begin());
      const bool may_end = world_->may_end && world_->released() == world_->events().size();
      if (at == end && !(may_end && at == rows.size())) continue;
      size_t count = std::min(end - at, static_cast<size_t>(max_rows));
      if (!world_->whole_reads && count > 1) count = 1 + world_->rng.Below(count);
      std::vector<const Row*> taken;
      for (size_t r = 0; r < count; ++r) taken.push_back(&world_->events()[rows[at + r]].row);
      at += count;
      result.kind = ReadResult::Kind::kBatch;
      result.split = it->first;
      if (count > 0) result.batch = MakeBatch(context_.schema, taken);
      if (may_end && at == rows.size()) {
        result.split_ended = true;
        at_.erase(it);
      }
      return result;
    }
    return result;  // idle
  }
  std::string Position(int32_t index) const override { return std::to_string(at_.at(index)); }

 private:
  World* world_;
  SourceContext context_;
  std::map<int32_t, size_t> at_;
};

class Sink final : public TwoPhaseCommitSink {
 public:
  Sink(World* world, SinkContext context) : world_(world), name_(context.node->name) {}
  std::string connector() const override { return "file"; }
  absl::Status Open() override { return absl::OkStatus(); }
  absl::Status Write(const batch::Batch& batch) override {
    REQUIRE((batch.rows > 0 && batch.rows <= batch::Batch::kMaxRows &&
             static_cast<int>(batch.columns.size()) == batch.schema->size()));
    for (int64_t i = 0; i < batch.rows; ++i) {
      Written row;
      for (const batch::Column& column : batch.columns) {
        row.text += (&column == batch.columns.data() ? "" : "|") + batch::ValueToString(column, i);
      }
      if (batch.row_kinds) row.kind = static_cast<batch::RowKind>(batch.row_kinds->data()[i]);
      if (batch.times() != nullptr) row.time = batch.times()[i];
      open_.push_back(std::move(row));
    }
    return absl::OkStatus();
  }
  struct Sealed final : SealedTransaction {
    explicit Sealed(std::string handle) : handle(std::move(handle)) {}
    absl::StatusOr<std::optional<std::string>> PreCommit() override { return handle; }
    std::string handle;
  };
  absl::StatusOr<std::unique_ptr<SealedTransaction>> Seal(CheckpointId) override {
    if (open_.empty()) return nullptr;
    return std::make_unique<Sealed>(world_->Seal(name_, std::exchange(open_, {})));
  }
  absl::Status Commit(const std::string& handle) override {
    world_->Commit(handle);
    return absl::OkStatus();
  }
  absl::Status Resolve(const std::string& handle) override { return Commit(handle); }
  absl::Status Sweep() override { return absl::OkStatus(); }

 private:
  World* world_;
  std::string name_;
  std::vector<Written> open_;
};

}  // namespace

ConnectorRegistry World::Connectors() {
  ConnectorRegistry registry;
  registry.sources["file"] = {
      [](const SourceContext&) -> absl::StatusOr<std::unique_ptr<SplitEnumerator>> {
        return std::make_unique<Enumerator>();
      },
      [this](const SourceContext& context) -> absl::StatusOr<std::unique_ptr<SourceReader>> {
        return std::make_unique<Reader>(this, context);
      }};
  registry.sinks["file"] =
      [this](const SinkContext& context) -> absl::StatusOr<std::unique_ptr<TwoPhaseCommitSink>> {
    return std::make_unique<Sink>(this, context);
  };
  registry.table = [this](const SourceContext& context) -> absl::StatusOr<BoundedTable> {
    BatchOf batch(context.schema, static_cast<int64_t>(table.size()));
    auto at = [&](int64_t r) { return table[static_cast<size_t>(r)]; };
    batch.Set<int64_t>("k", [&](int64_t r) { return std::optional(at(r).first); });
    batch.Set<std::string>("name", [&](int64_t r) { return std::optional(at(r).second); });
    return BoundedTable{batch.Finish(), table_digest};
  };
  return registry;
}

}  // namespace weir::taskmanager::contract
