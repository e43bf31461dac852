#pragma once

#include "common/base/loss.h"
#include "common/base/rng.h"
#include "common/control/messages.h"

namespace weir::control {

/// Control messages of random content: every field of every kind gets values.
class RandomMessages {
 public:
  explicit RandomMessages(uint64_t seed) : rng_(seed) {}

  ToJobManager Up(size_t kind) {
    switch (kind % std::variant_size_v<ToJobManager>) {
      case 0: {
        Register m{"n" + Text(), Text(), Int32(), Text(), Incarnation(rng_.Next()), {}};
        Repeat([&] { m.running.emplace_back(JobId{Text()}, Attempt(Int())); });
        return m;
      }
      case 1:
        return StorageChecked{static_cast<absl::StatusCode>(rng_.Below(17)), Text()};
      case 2:
        return Heartbeat{};
      case 3: {
        MetricsReport m{MakeFence(), {}, {}};
        Repeat([&] { m.subtasks.push_back(Metrics()); });
        Repeat([&] {
          SinkReport sink{Subtask(), Text(), {{}, Int(), Int(), Int(), Int()}};
          Repeat([&] {
            sink.transactions.open.push_back({Text(),
                                              static_cast<TransactionInfo::State>(rng_.Below(3)),
                                              CheckpointId(Int()), Int(), Int(), Int()});
          });
          m.sinks.push_back(std::move(sink));
        });
        return m;
      }
      case 4:
        return SubtaskStateChanged{MakeFence(), Subtask(), static_cast<SubtaskState>(rng_.Below(6)),
                                   Status(), static_cast<FailureDomain>(rng_.Below(3))};
      case 5:
        return SplitsFound{MakeFence(), Source()};
      case 6:
        return SourceEnded{MakeFence(), Subtask()};
      case 7:
        return CheckpointAck{MakeFence(), CheckpointId(Int()), Snapshot(), Int(), Int(), Int(),
                             Int()};
      case 8:
        return CheckpointDecline{MakeFence(), CheckpointId(Int()), Subtask(), Status(), Bool()};
      case 9:
        return CommitConfirmed{MakeFence(), CheckpointId(Int()), Subtask()};
      case 10:
        return Swept{MakeFence(), Subtask()};
      case 11:
        return ProbeResult{MakeFence(), Int(), Status()};
      default: {
        AttemptReport m{MakeFence(), {}, {}};
        Repeat([&] {
          m.subtasks.push_back({Subtask(), static_cast<SubtaskState>(rng_.Below(6)), Bool()});
        });
        Repeat([&] { m.placements.push_back(Placement()); });
        return m;
      }
    }
  }

  ToTaskManager Down(size_t kind) {
    switch (kind % std::variant_size_v<ToTaskManager>) {
      case 0:
        return RegisterReply{LeaderEpoch(Int()), Text(), Text(), 1 + Int32(), 1 + Int32()};
      case 1:
        return Registered{LeaderEpoch(Int())};
      case 2:
        return RegisterRefused{Status()};
      case 3: {
        Deploy m{MakeFence(), Bytes(), Bytes(), Text(), {}, {}, File(), Bool(), std::nullopt,
                 static_cast<UnresolvedPolicy>(rng_.Below(3))};
        if (Bool()) m.former_job = JobId{Text()};
        Repeat([&] { m.subtasks.push_back(Subtask()); });
        Repeat([&] { m.placements.push_back(Placement()); });
        return m;
      }
      case 4: {
        AssignSplits m{MakeFence(), {}};
        Repeat([&] { m.sources.push_back(Source()); });
        return m;
      }
      case 5:
        return Sweep{MakeFence(), Attempt(Int())};
      case 6:
        return StartRunning{MakeFence()};
      case 7:
        return TriggerCheckpoint{MakeFence(), CheckpointId(Int()), Int(), Bool()};
      case 8:
        return CheckpointComplete{MakeFence(), CheckpointId(Int())};
      case 9:
        return CheckpointAborted{MakeFence(), CheckpointId(Int())};
      case 10:
        return CancelAttempt{MakeFence()};
      case 11:
        return ProbeStorage{MakeFence(), Int(), Text()};
      case 12:
        return AdoptAttempt{MakeFence(), CheckpointId(Int()), CheckpointId(Int())};
      default:
        return HeartbeatReply{LeaderEpoch(Int())};
    }
  }

 private:
  template <typename F>
  void Repeat(F&& f) {
    for (uint64_t n = rng_.Below(4); n > 0; --n) f();
  }
  int64_t Int() { return static_cast<int64_t>(rng_.Next() >> rng_.Below(64)); }
  int32_t Int32() { return static_cast<int32_t>(rng_.Next() >> (34 + rng_.Below(29))); }
  bool Bool() { return rng_.Below(2) == 1; }
  std::string Text() { return rng_.Hex(static_cast<int>(rng_.Below(20))); }
  std::string Bytes() {
    std::string bytes;
    for (uint64_t n = rng_.Below(40); n > 0; --n) bytes.push_back(static_cast<char>(rng_.Next()));
    return bytes;
  }
  absl::Status Status() {
    const auto code = static_cast<absl::StatusCode>(rng_.Below(17));
    if (code == absl::StatusCode::kOk) return absl::OkStatus();
    return WithLoss(absl::Status(code, Text()), static_cast<Loss>(rng_.Below(3)));
  }
  Fence MakeFence() { return {LeaderEpoch(Int()), JobId{"j" + Text()}, Attempt(Int())}; }
  SubtaskId Subtask() { return {Int32(), Int32()}; }
  SubtaskPlacement Placement() {
    return {Subtask(), Text(), Text(), Incarnation(rng_.Next())};
  }
  SubtaskMetrics Metrics() {
    return {Subtask(), Int(), Int(), Int(), Int(), Int(), Int(), Int(), Int(), Int(), Int(), Int(), Int()};
  }
  checkpoint::FileRef File() { return {Text(), rng_.Next(), static_cast<uint32_t>(rng_.Next())}; }
  checkpoint::SourceSplits Source() {
    checkpoint::SourceSplits source{Text(), {}};
    Repeat([&] { source.splits.push_back({Bytes(), Text()}); });
    return source;
  }
  checkpoint::KeyedSnapshot Keyed() {
    checkpoint::KeyedSnapshot keyed;
    keyed.range.begin = Int32() & 0xffff;
    keyed.range.end = keyed.range.begin + (Int32() & 0xffff);
    keyed.base_kind = Text();
    Repeat([&] { keyed.base.push_back(File()), keyed.base_names.push_back(Text()); });
    Repeat([&] { keyed.deltas.push_back({CheckpointId(Int()), File(), Bytes()}); });
    return keyed;
  }
  checkpoint::SubtaskSnapshot Snapshot() {
    checkpoint::SubtaskSnapshot snapshot{Subtask(), Bool(), {}};
    Repeat([&] {
      checkpoint::OperatorSnapshot one{Text(), Int(), Bytes(), {}, {}, {}};
      Repeat([&] { one.splits.push_back({Int32(), Bytes(), Bool(), Int()}); });
      Repeat([&] {
        one.handles.push_back({CheckpointId(Int()), Int32(), Text(), Bytes(), Int()});
      });
      if (Bool()) one.keyed.push_back(Keyed());
      snapshot.operators.push_back(std::move(one));
    });
    return snapshot;
  }

  Rng rng_;
};

}  // namespace weir::control
