#include "common/checkpoint/manifest_codec.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/crc32c.h"
#include "common/base/status_macros.h"

namespace weir::checkpoint {
namespace {

// Frame: magic u32, version u32, length of the payload u64, CRC-32C of magic, version, length and
// payload u32.
constexpr uint32_t kManifestMagic = 0x4e414d57;  // "WMAN"
constexpr uint32_t kSubtaskMagic = 0x42555357;   // "WSUB"
constexpr size_t kFrameSize = 20;

std::string Frame(uint32_t magic, std::string_view payload) {
  std::string out;
  out.reserve(kFrameSize + payload.size());
  ByteWriter w(&out);
  w.Put(magic);
  w.Put(Manifest::kVersion);
  w.Put(static_cast<uint64_t>(payload.size()));
  w.Put(Crc32c(payload, Crc32c(out)));
  out.append(payload);
  return out;
}

absl::Status Damaged(std::string_view what, std::string_view why) {
  return absl::DataLossError(absl::StrCat(std::string(what), " is damaged: ", std::string(why)));
}

absl::StatusOr<std::string_view> Unframe(uint32_t magic, std::string_view bytes,
                                         std::string_view what) {
  if (bytes.size() < kFrameSize) return Damaged(what, "it is too short");
  ByteReader r(bytes);
  const bool right_magic = r.Get<uint32_t>() == magic;
  const auto version = r.Get<uint32_t>();
  const auto length = r.Get<uint64_t>();
  const auto crc = r.Get<uint32_t>();
  if (!right_magic) return Damaged(what, "it does not begin like one");
  const std::string_view payload = bytes.substr(kFrameSize);
  if (payload.size() != length) return Damaged(what, "its length is not what it says");
  if (Crc32c(payload, Crc32c(bytes.substr(0, kFrameSize - 4))) != crc)
    return Damaged(what, "its checksum differs");
  if (version != Manifest::kVersion) {
    return absl::FailedPreconditionError(absl::StrCat(std::string(what), " has format version ",
                                                      version, "; this build reads version ",
                                                      Manifest::kVersion));
  }
  return payload;
}

template <typename T, typename F>
void PutList(ByteWriter& w, const std::vector<T>& list, F put) {
  w.PutVarint(list.size());
  for (const T& item : list) put(w, item);
}

template <typename T, typename F>
void GetList(ByteReader& r, std::vector<T>* list, F get) {
  const uint64_t size = r.GetVarint();
  // Every item takes at least a byte: a damaged count asks for no more memory than the bytes could
  // fill.
  list->reserve(std::min(size, r.remaining()));
  for (uint64_t i = 0; i < size && r.ok(); ++i) {
    list->emplace_back();
    get(r, &list->back());
  }
}

void GetString(ByteReader& r, std::string* out) { out->assign(r.GetBytes()); }
void PutString(ByteWriter& w, const std::string& s) { w.PutBytes(s); }

void PutFile(ByteWriter& w, const FileRef& file) {
  w.PutBytes(file.path);
  w.Put(file.size_bytes);
  w.Put(file.crc32c);
}
void GetFile(ByteReader& r, FileRef* file) {
  GetString(r, &file->path);
  file->size_bytes = r.Get<uint64_t>();
  file->crc32c = r.Get<uint32_t>();
}

void PutKeyed(ByteWriter& w, const KeyedSnapshot& keyed) {
  w.Put(static_cast<int32_t>(keyed.range.begin));
  w.Put(static_cast<int32_t>(keyed.range.end));
  w.PutBytes(keyed.base_kind);
  PutList(w, keyed.base, PutFile);
  PutList(w, keyed.base_names, PutString);
  PutList(w, keyed.deltas, [](ByteWriter& w, const DeltaRef& delta) {
    w.Put(delta.checkpoint.value);
    PutFile(w, delta.file);
    w.PutBytes(delta.bytes);
  });
}
void GetKeyed(ByteReader& r, KeyedSnapshot* keyed) {
  keyed->range.begin = r.Get<int32_t>();
  keyed->range.end = r.Get<int32_t>();
  GetString(r, &keyed->base_kind);
  GetList(r, &keyed->base, GetFile);
  GetList(r, &keyed->base_names, GetString);
  GetList(r, &keyed->deltas, [](ByteReader& r, DeltaRef* delta) {
    delta->checkpoint.value = r.Get<int64_t>();
    GetFile(r, &delta->file);
    GetString(r, &delta->bytes);
  });
}

void PutOperator(ByteWriter& w, const OperatorSnapshot& op) {
  w.PutBytes(op.node);
  w.Put(op.watermark);
  w.PutBytes(op.bytes);
  PutList(w, op.splits, [](ByteWriter& w, const SplitState& split) {
    w.Put(split.split);
    w.PutBytes(split.position);
    w.Put(static_cast<uint8_t>(split.ended));
    w.Put(split.watermark);
  });
  PutList(w, op.handles, [](ByteWriter& w, const SinkHandle& handle) {
    w.Put(handle.checkpoint.value);
    w.Put(handle.owner_subtask);
    w.PutBytes(handle.connector);
    w.PutBytes(handle.bytes);
    w.Put(handle.deadline_ms);
    PutList(w, handle.files, PutFile);
  });
  PutList(w, op.keyed, PutKeyed);
}
void GetOperator(ByteReader& r, OperatorSnapshot* op) {
  GetString(r, &op->node);
  op->watermark = r.Get<int64_t>();
  GetString(r, &op->bytes);
  GetList(r, &op->splits, [](ByteReader& r, SplitState* split) {
    split->split = r.Get<int32_t>();
    GetString(r, &split->position);
    split->ended = r.Get<uint8_t>() != 0;
    split->watermark = r.Get<int64_t>();
  });
  GetList(r, &op->handles, [](ByteReader& r, SinkHandle* handle) {
    handle->checkpoint.value = r.Get<int64_t>();
    handle->owner_subtask = r.Get<int32_t>();
    GetString(r, &handle->connector);
    GetString(r, &handle->bytes);
    handle->deadline_ms = r.Get<int64_t>();
    GetList(r, &handle->files, GetFile);
  });
  GetList(r, &op->keyed, GetKeyed);
}

void PutSubtask(ByteWriter& w, const SubtaskSnapshot& subtask) {
  w.Put(subtask.subtask.task);
  w.Put(subtask.subtask.index);
  w.Put(static_cast<uint8_t>(subtask.ended));
  PutList(w, subtask.operators, PutOperator);
}
void GetSubtask(ByteReader& r, SubtaskSnapshot* subtask) {
  subtask->subtask.task = r.Get<int32_t>();
  subtask->subtask.index = r.Get<int32_t>();
  subtask->ended = r.Get<uint8_t>() != 0;
  GetList(r, &subtask->operators, GetOperator);
}

}  // namespace

std::string EncodeManifest(const Manifest& m) {
  std::string payload;
  ByteWriter w(&payload);
  w.PutBytes(m.job.value);
  w.PutBytes(m.job_name);
  w.Put(m.id.value);
  w.Put(m.attempt.value);
  w.Put(m.epoch.value);
  w.Put(static_cast<uint8_t>(m.savepoint));
  w.Put(static_cast<uint8_t>(m.self_contained));
  w.Put(m.completed_at_ms);
  w.Put(m.max_parallelism);
  PutList(w, m.state_layouts, [](ByteWriter& w, const std::pair<std::string, std::string>& layout) {
    w.PutBytes(layout.first);
    w.PutBytes(layout.second);
  });
  PutList(w, m.sources, [](ByteWriter& w, const SourceSplits& source) {
    w.PutBytes(source.node);
    PutList(w, source.splits, [](ByteWriter& w, const SourceSplits::Split& split) {
      w.PutBytes(split.payload);
      w.PutBytes(split.group);
    });
  });
  PutList(w, m.subtasks, PutSubtask);
  return Frame(kManifestMagic, payload);
}

absl::StatusOr<Manifest> DecodeManifest(std::string_view bytes, std::string_view what) {
  const std::string name = absl::StrCat("manifest ", std::string(what));
  ASSIGN_OR_RETURN(const std::string_view payload, Unframe(kManifestMagic, bytes, name));
  ByteReader r(payload);
  Manifest m;
  GetString(r, &m.job.value);
  GetString(r, &m.job_name);
  m.id.value = r.Get<int64_t>();
  m.attempt.value = r.Get<int64_t>();
  m.epoch.value = r.Get<int64_t>();
  m.savepoint = r.Get<uint8_t>() != 0;
  m.self_contained = r.Get<uint8_t>() != 0;
  m.completed_at_ms = r.Get<int64_t>();
  m.max_parallelism = r.Get<int32_t>();
  GetList(r, &m.state_layouts, [](ByteReader& r, std::pair<std::string, std::string>* layout) {
    GetString(r, &layout->first);
    GetString(r, &layout->second);
  });
  GetList(r, &m.sources, [](ByteReader& r, SourceSplits* source) {
    GetString(r, &source->node);
    GetList(r, &source->splits, [](ByteReader& r, SourceSplits::Split* split) {
      GetString(r, &split->payload);
      GetString(r, &split->group);
    });
  });
  GetList(r, &m.subtasks, GetSubtask);
  if (!r.AtEnd()) return Damaged(name, "its fields do not fill its length");
  return m;
}

std::string EncodeSubtaskSnapshot(const SubtaskSnapshot& snapshot) {
  std::string payload;
  ByteWriter w(&payload);
  PutSubtask(w, snapshot);
  return Frame(kSubtaskMagic, payload);
}

absl::StatusOr<SubtaskSnapshot> DecodeSubtaskSnapshot(std::string_view bytes,
                                                      std::string_view what) {
  const std::string name = absl::StrCat("snapshot ", std::string(what));
  ASSIGN_OR_RETURN(const std::string_view payload, Unframe(kSubtaskMagic, bytes, name));
  ByteReader r(payload);
  SubtaskSnapshot snapshot;
  GetSubtask(r, &snapshot);
  if (!r.AtEnd()) return Damaged(name, "its fields do not fill its length");
  return snapshot;
}

}  // namespace weir::checkpoint
