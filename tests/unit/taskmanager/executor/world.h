#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "taskmanager/connector/source_reader.h"
#include "taskmanager/connector/two_phase_commit_sink.h"
#include "tests/unit/taskmanager/executor/fake_job_manager.h"

namespace weir::taskmanager {

/// What the fake connectors read and write: outlives TaskManagers, as the outside world does.
/// Thread: thread-safe.
struct World {
  static constexpr int kSplits = 3;
  static constexpr int64_t kRowsOfSplit = 400;

  /// Rows of each split that may be read by now.
  void Allow(int64_t rows) {
    std::vector<std::function<void()>> wakes;
    {
      std::lock_guard lock(mutex);
      allowed = rows;
      wakes.swap(waiting);
    }
    for (auto& wake : wakes) wake();
  }
  bool MayRead(int32_t split, int64_t position, const std::function<void()>& wake) {
    std::lock_guard lock(mutex);
    if (position < allowed) return true;
    waiting.push_back(wake);
    read[split] = position;
    changed.notify_all();
    return false;
  }
  /// Allows that and waits until it is read: a barrier triggered now comes behind these rows.
  void AllowAndAwait(int64_t rows) {
    Allow(rows);
    std::unique_lock lock(mutex);
    const bool done = changed.wait_for(lock, kDeadline, [&] {
      return read.size() == kSplits &&
             std::all_of(read.begin(), read.end(), [&](auto& r) { return r.second >= rows; });
    });
    REQUIRE(done);
  }
  int64_t Allowed() {
    std::lock_guard lock(mutex);
    return allowed;
  }
  /// Idempotent, as a commit has to be: by transaction.
  absl::Status Commit(const std::string& handle) {
    std::lock_guard lock(mutex);
    if (fail_commits) return absl::UnavailableError("told to fail");
    const size_t colon = handle.find(':');
    if (!committed.insert(handle.substr(0, colon)).second) return absl::OkStatus();
    for (size_t at = colon + 1; at < handle.size();) {
      const size_t end = handle.find('\n', at);
      visible.push_back(handle.substr(at, end - at));
      at = end + 1;
    }
    return absl::OkStatus();
  }
  std::vector<std::string> Visible() {
    std::lock_guard lock(mutex);
    std::vector<std::string> rows = visible;
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  std::mutex mutex;
  std::condition_variable changed;
  int64_t allowed = 0;
  std::map<int32_t, int64_t> read;  // of each split, when it came to wait
  std::vector<std::function<void()>> waiting;
  std::set<std::string> committed;
  std::vector<std::string> visible;
  bool fail_commits = false;
  absl::Status fail_writes;  // set before the job
  int sweeps = 0;
  int refreshes = 0;
  bool sweeps_while_running = false;
  int splits = kSplits;  // that Refresh knows of; a list that has not grown is not given
  std::map<std::string, std::vector<std::string>> told;  // of each source: the positions at the end of the job
  absl::Status tell_status;
  std::vector<Attempt> forgotten;
  std::vector<SinkContext> sinks;  // what sinks were made with
};

class WorldReader final : public SourceReader {
 public:
  WorldReader(World* world, SourceContext context) : world_(world), context_(std::move(context)) {}
  absl::Status AddSplit(int32_t index, const checkpoint::SourceSplits::Split& split,
                        const std::string& position) override {
    if (split.payload != std::to_string(index))
      return absl::InternalError("not the split that was recorded");
    at_[index] = position.empty() ? 0 : std::stoll(position);
    return absl::OkStatus();
  }
  absl::StatusOr<ReadResult> Read(int64_t max_rows) override {
    ReadResult result;
    if (at_.empty()) {
      result.kind = ReadResult::Kind::kEnded;
      return result;
    }
    for (auto& [split, at] : at_) {
      if (!quick_ && !world_->MayRead(split, at, context_.wake)) continue;
      const int64_t count =
          std::min({max_rows, int64_t{64}, quick_ ? World::kRowsOfSplit : world_->Allowed() - at,
                    World::kRowsOfSplit - at});
      result.kind = ReadResult::Kind::kBatch;
      result.split = split;
      result.batch.schema = context_.schema;
      result.batch.rows = count;
      for (const batch::Field& field : context_.schema->fields) {
        batch::Column column = batch::Column::Allocate(field.type, count);
        for (int64_t i = 0; i < count; ++i) {
          // ts: a millisecond a row. n: which of seven keys.
          column.mutable_data<int64_t>()[i] =
              field.name == "ts" ? (at + i) * 1000 : (at + i + split) % 7;
        }
        result.batch.columns.push_back(std::move(column));
      }
      at += count;
      if (at == World::kRowsOfSplit) {
        result.split_ended = true;
        at_.erase(split);
      }
      return result;
    }
    return result;  // idle until woken
  }
  std::string Position(int32_t index) const override { return std::to_string(at_.at(index)); }

 private:
  World* world_;
  SourceContext context_;
  bool quick_ = context_.node->name == "quick";  // asks nobody
  std::map<int32_t, int64_t> at_;
};

class WorldEnumerator final : public SplitEnumerator {
 public:
  explicit WorldEnumerator(World* world) : world_(world) {}
  absl::StatusOr<std::optional<std::vector<checkpoint::SourceSplits::Split>>> Refresh(
      const std::vector<checkpoint::SourceSplits::Split>& known) override {
    std::lock_guard lock(world_->mutex);
    ++world_->refreshes;
    if (world_->splits == static_cast<int>(known.size())) return std::nullopt;
    std::vector<checkpoint::SourceSplits::Split> splits = known;
    for (int i = static_cast<int>(known.size()); i < world_->splits; ++i)
      splits.push_back({std::to_string(i), std::to_string(i)});
    return splits;
  }
  absl::StatusOr<std::vector<checkpoint::SourceSplits::Split>> Enumerate(int32_t) override {
    std::vector<checkpoint::SourceSplits::Split> splits;
    for (int i = 0; i < World::kSplits; ++i)
      splits.push_back({std::to_string(i), std::to_string(i)});
    return splits;
  }

 private:
  World* world_;
};

/// The handle holds the rows themselves, so that anybody may commit them later.
class WorldSink final : public TwoPhaseCommitSink {
 public:
  WorldSink(World* world, const SinkContext& context) : world_(world), context_(context) {
    std::lock_guard lock(world->mutex);
    world->sinks.push_back(context);
  }
  std::string connector() const override { return "world"; }
  absl::Status Open() override { return absl::OkStatus(); }
  absl::Status Write(const batch::Batch& batch) override {
    if (!world_->fail_writes.ok()) return world_->fail_writes;
    for (int64_t i = 0; i < batch.rows; ++i) rows_ += batch::RowToString(batch, i) + "\n";
    return absl::OkStatus();
  }
  absl::StatusOr<std::unique_ptr<SealedTransaction>> Seal(CheckpointId checkpoint) override {
    if (rows_.empty()) return nullptr;
    return std::make_unique<Sealed>(
        std::to_string(context_.attempt.value) + "-" + std::to_string(context_.subtask) + "-" +
        std::to_string(checkpoint.value) + ":" + std::exchange(rows_, ""));
  }
  absl::Status Commit(const std::string& handle) override { return world_->Commit(handle); }
  absl::Status Resolve(const std::string& handle) override { return world_->Commit(handle); }
  bool SweepsWhileRunning() const override { return world_->sweeps_while_running; }
  control::SinkTransactions Transactions() const override {
    return {{{"t", control::TransactionInfo::State::kOpen, CheckpointId(0), 1, 2, 3}}, 4, 5, 6, 7};
  }
  absl::Status Forget(Attempt below) override {
    std::lock_guard lock(world_->mutex);
    world_->forgotten.push_back(below);
    return absl::OkStatus();
  }
  absl::Status Sweep() override {
    std::lock_guard lock(world_->mutex);
    ++world_->sweeps;
    world_->changed.notify_all();
    return absl::OkStatus();
  }

 private:
  struct Sealed final : SealedTransaction {
    explicit Sealed(std::string handle) : handle(std::move(handle)) {}
    absl::StatusOr<std::optional<std::string>> PreCommit() override {
      return std::optional<std::string>(handle);
    }
    std::string handle;
  };
  World* world_;
  SinkContext context_;
  std::string rows_;
};

}  // namespace weir::taskmanager
