#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/batch/key.h"

namespace weir::checkpoint {

/// A durable file of the checkpoint storage: `path` is relative to the storage's root. Verified before use: size and
/// CRC-32C of the whole file.
struct FileRef {
  std::string path;
  uint64_t size_bytes = 0;
  uint32_t crc32c = 0;
  friend bool operator==(const FileRef&, const FileRef&) = default;
};

/// One delta of keyed state: either a file or the bytes themselves (small ones travel inside the manifest).
struct DeltaRef {
  CheckpointId checkpoint;  // the barrier at which it was frozen
  FileRef file;             // path empty: `bytes` it is
  std::string bytes;
  bool is_inline() const { return file.path.empty(); }
  friend bool operator==(const DeltaRef&, const DeltaRef&) = default;
};

/// All that one subtask's keyed state consists of at a barrier: the base and every delta since, oldest first.
struct KeyedSnapshot {
  batch::KeyGroupRange range;
  /// Empty: no base. `dump`: the whole state in files of our delta format. `rocksdb`: the files of a RocksDB checkpoint
  /// and dumps of what lay in memory, which go over it (see taskmanager/state/README.md).
  std::string base_kind;
  std::vector<FileRef> base;
  /// Parallel to `base`: the name a file has inside the database's folder, or `dump`.
  std::vector<std::string> base_names;
  std::vector<DeltaRef> deltas;
  friend bool operator==(const KeyedSnapshot&, const KeyedSnapshot&) = default;
};

/// How far a source's split has been read. `split` is its index in the recorded list of the source.
struct SplitState {
  int32_t split = 0;
  std::string position;  // the connector's own bytes
  bool ended = false;
  int64_t watermark = batch::kMinTimestamp;  // of what was read from this split
  friend bool operator==(const SplitState&, const SplitState&) = default;
};

/// A pre-committed transaction of a sink whose commit is not confirmed.
struct SinkHandle {
  CheckpointId checkpoint;  // sealed at this barrier
  int32_t owner_subtask = 0;  // former subtask: all handles of one owner go to one new subtask
  std::string connector;    // "file", "kafka": refused by a sink of another kind
  std::string bytes;        // the connector's own, versioned
  int64_t deadline_ms = 0;  // wall clock; 0 = none
  std::vector<FileRef> files;  // of the checkpoint storage, which the bytes speak of
  friend bool operator==(const SinkHandle&, const SinkHandle&) = default;
};

/// What one operator of one subtask has in a checkpoint. Only the parts it has are filled.
struct OperatorSnapshot {
  std::string node;  // the operator's stable name: node of the job file, with `.local`, … for made ones
  int64_t watermark = batch::kMinTimestamp;  // that it has processed
  std::string bytes;                         // the operator's own small state
  std::vector<SplitState> splits;
  std::vector<SinkHandle> handles;
  std::vector<KeyedSnapshot> keyed;  // none or one
  friend bool operator==(const OperatorSnapshot&, const OperatorSnapshot&) = default;
};

/// What a subtask acknowledges.
struct SubtaskSnapshot {
  SubtaskId subtask;
  bool ended = false;  // all its input has ended (a source: all its splits)
  std::vector<OperatorSnapshot> operators;
  friend bool operator==(const SubtaskSnapshot&, const SubtaskSnapshot&) = default;
};

/// The splits a source found at the first start: fixed for the job's life, in every manifest.
/// Split i belongs to subtask i mod parallelism.
struct SourceSplits {
  std::string node;
  /// Each split: the connector's own bytes, and the group (a file, a partition) whose event times are judged together.
  struct Split {
    std::string payload;
    std::string group;
    friend bool operator==(const Split&, const Split&) = default;
  };
  std::vector<Split> splits;
  friend bool operator==(const SourceSplits&, const SourceSplits&) = default;
};

/// What a checkpoint consists of (design.md 5). Written once, by the JobManager.
struct Manifest {
  static constexpr uint32_t kVersion = 2;

  JobId job;
  std::string job_name;
  CheckpointId id;
  Attempt attempt;
  LeaderEpoch epoch;
  bool savepoint = false;
  bool self_contained = false;  // a savepoint's copy: restoring resolves no handles
  int64_t completed_at_ms = 0;  // wall clock
  int32_t max_parallelism = 128;
  /// Stable names of the stateful nodes and a digest of what their state looks like, so that a changed job is refused
  /// by name and not by damage.
  std::vector<std::pair<std::string, std::string>> state_layouts;
  std::vector<SourceSplits> sources;
  std::vector<SubtaskSnapshot> subtasks;
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

/// Every file that the manifest refers to.
std::vector<FileRef> FilesOf(const Manifest& manifest);

}  // namespace weir::checkpoint
