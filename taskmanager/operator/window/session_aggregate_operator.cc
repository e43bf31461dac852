#include "taskmanager/operator/window/session_aggregate_operator.h"

#include <algorithm>
#include <numeric>

#include "common/base/status_macros.h"
#include "taskmanager/operator/basic/late_rows.h"

namespace weir::taskmanager {
namespace {

/// All sessions are in one namespace: they are found by key, whatever their time.
constexpr NamespaceId kSessions = 0;
/// Buckets of time that a gap has. More: a long session is noted again more often. Fewer: more keys are put in order in
/// memory at a time.
constexpr int64_t kBucketsPerGap = 16;
constexpr size_t kPage = 2048;

}  // namespace

absl::Status SessionAggregateOperator::Open(const OperatorContext& context) {
  context_ = context;
  const plan::WindowSpec& window = *context.plan->window;
  gap_ = window.size;
  lateness_ = window.allowed_lateness;
  const int64_t bucket = std::max<int64_t>(1, gap_ / kBucketsPerGap);
  last_time_ = batch::kMaxTimestamp - gap_ - lateness_ - 2 * bucket;
  accumulators_ = std::make_unique<Accumulators>(window.aggregates);
  store_ = std::make_unique<SessionStore>(accumulators_.get());
  ASSIGN_OR_RETURN(table_, context.state->OpenTable(store_->table()));
  RETURN_IF_ERROR(timers_.Open(*context.state, bucket));
  rows_.Open(context);
  results_.Open(context, accumulators_.get());
  distinct_keys_.resize(window.aggregates.size());
  watermark_ = context.restored_watermark;
  return absl::OkStatus();
}

absl::Status SessionAggregateOperator::Process(batch::Batch batch, Output& output) {
  std::vector<uint32_t> good;
  RETURN_IF_ERROR(rows_.LoadUnsliced(batch, output, &good));
  in_time_.clear();
  late_rows_.clear();
  const int64_t* times = batch.times();
  for (const uint32_t row : good) {
    (EndOf(times[row]) + lateness_ <= watermark_ ? late_rows_ : in_time_).push_back(row);
  }
  RETURN_IF_ERROR(EmitLateRows(context_, batch, late_rows_, output));
  if (in_time_.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(Update(batch, in_time_));
  while (fire_now_) {
    ASSIGN_OR_RETURN(fire_now_, FirePage(watermark_, output));
  }
  return absl::OkStatus();
}

absl::Status SessionAggregateOperator::Update(const batch::Batch& batch, const std::vector<uint32_t>& rows) {
  for (int a = 0; a < accumulators_->size(); ++a) {
    if (accumulators_->kind(a) != Accumulators::Kind::kDistinct) continue;
    batch::Batch values;
    values.rows = batch.rows;
    values.columns.push_back(*rows_.argument(a));
    batch::MakeKeys(values, {0}, &distinct_keys_[static_cast<size_t>(a)]);
  }
  const int64_t* times = batch.times();
  const auto count = static_cast<int64_t>(rows.size());
  NamespaceTable& table = table_->Open(kSessions);
  slots_.resize(rows.size());
  values_.resize(rows.size());
  RETURN_IF_ERROR(table.FindOrInsert(rows_.keys(), nullptr, rows.data(), count, slots_.data(), nullptr));
  table.Values(slots_.data(), count, values_.data());
  for (size_t i = 0; i < rows.size(); ++i) {
    SessionHeader* header = SessionStore::HeaderOf(values_[i]);
    const int64_t time = times[rows[i]];
    if (!store_->has_sides() && header->others == 0) {
      bool simple = false;
      if (header->state == SessionHeader::kEmpty && EndOf(time) > watermark_) {
        header->start = header->last = time;
        header->state = SessionHeader::kOpen;
        NoteAt(header, EndOf(time), rows[i], rows_.keys().key(rows[i]));
        simple = true;
      } else if (header->state == SessionHeader::kOpen && Touches(time, header->start, header->last)) {
        // What is due becomes due later only: nothing to note.
        header->start = std::min(header->start, time);
        header->last = std::max(header->last, time);
        simple = true;
      }
      if (simple) {
        pending_.push_back(rows[i]);
        targets_.push_back(SessionStore::AccumulatorsOf(values_[i]));
        continue;
      }
    }
    AddPending();
    RETURN_IF_ERROR(UpdateOne(table, slots_[i], rows[i], time));
  }
  AddPending();
  return NoteAll(rows_.keys());
}

void SessionAggregateOperator::AddPending() {
  if (pending_.empty()) return;
  for (int a = 0; a < accumulators_->size(); ++a) {
    accumulators_->AddRows(a, rows_.argument(a), rows_.filter(a), pending_.data(),
                           static_cast<int64_t>(pending_.size()), targets_.data(), nullptr);
  }
  pending_.clear();
  targets_.clear();
}

void SessionAggregateOperator::AddRow(uint32_t row, Session* session) {
  std::byte* target = session->row.data();
  for (int a = 0; a < accumulators_->size(); ++a) {
    if (accumulators_->kind(a) != Accumulators::Kind::kDistinct) {
      accumulators_->AddRows(a, rows_.argument(a), rows_.filter(a), &row, 1, &target, &arena_);
      continue;
    }
    const uint8_t* filter = rows_.filter(a);
    if ((filter != nullptr && filter[row] == 0) || rows_.argument(a)->IsNull(row)) continue;
    session->distinct[static_cast<size_t>(a)].emplace(distinct_keys_[static_cast<size_t>(a)].key(row));
  }
}

absl::Status SessionAggregateOperator::UpdateOne(NamespaceTable& table, uint32_t slot, uint32_t row, int64_t time) {
  std::byte* value = table.value(slot);
  arena_ = batch::StringArena();
  RETURN_IF_ERROR(store_->Read(value, table.text(slot), &sessions_));
  Session mine = store_->Make(time);
  AddRow(row, &mine);
  // Others are a gap apart from each other: what the row alone does not touch, the joined session does not either.
  std::erase_if(sessions_, [&](const Session& other) {
    if (!Touches(time, other.start, other.last)) return false;
    store_->Merge(other, &mine, &arena_);
    return true;
  });
  const int64_t due = EndOf(mine.last);
  sessions_.push_back(std::move(mine));
  store_->Write(sessions_, value, &text_);
  table.set_text(slot, text_);
  const std::string_view key = rows_.keys().key(row);
  if (due > watermark_) {
    NoteAt(SessionStore::HeaderOf(value), due, row, key);
  } else {
    timers_.Push(due, key);
    fire_now_ = true;
  }
  return absl::OkStatus();
}

void SessionAggregateOperator::NoteAt(SessionHeader* header, int64_t due, uint32_t row, std::string_view key) {
  const int64_t bucket = timers_.BucketOf(due);
  if (header->timed == 0 || bucket < header->timer) {
    header->timed = 1;
    header->timer = bucket;
    auto note = std::find_if(notes_.begin(), notes_.end(), [&](const auto& n) { return n.first == bucket; });
    if (note == notes_.end()) note = notes_.insert(notes_.end(), {bucket, {}});
    note->second.push_back(row);
  }
  if (bucket == header->timer && timers_.IsOpen(bucket)) timers_.Push(due, key);
}

absl::Status SessionAggregateOperator::NoteAll(const batch::KeyBatch& keys) {
  for (const auto& [bucket, rows] : notes_) RETURN_IF_ERROR(timers_.Note(bucket, keys, rows));
  notes_.clear();
  return absl::OkStatus();
}

absl::StatusOr<std::optional<int64_t>> SessionAggregateOperator::FireKey(NamespaceTable& table, uint32_t slot,
                                                                         std::string_view key, int64_t watermark,
                                                                         Fired* fired) {
  std::byte* value = table.value(slot);
  SessionHeader* header = SessionStore::HeaderOf(value);
  auto emit = [&](int64_t start, int64_t last) {
    fired->keys.push_back(key);
    fired->bounds.starts.push_back(start);
    fired->bounds.ends.push_back(EndOf(last));
    fired->rows.resize(fired->keys.size() * static_cast<size_t>(accumulators_->width()));
    return fired->rows.data() + fired->rows.size() - accumulators_->width();
  };
  if (header->others == 0 && !store_->has_sides()) {
    const int64_t end = EndOf(header->last);
    if (header->state == SessionHeader::kOpen) {
      if (end > watermark) return end;
      std::byte* row = emit(header->start, header->last);
      std::copy_n(SessionStore::AccumulatorsOf(value), accumulators_->width(), row);
      header->state = SessionHeader::kFired;
    }
    return end + lateness_ <= watermark ? std::nullopt : std::optional(end + lateness_);
  }
  RETURN_IF_ERROR(store_->Read(value, table.text(slot), &sessions_));
  std::sort(sessions_.begin(), sessions_.end(), [](const Session& a, const Session& b) { return a.last < b.last; });
  for (Session& session : sessions_) {
    if (session.fired || EndOf(session.last) > watermark) continue;
    store_->Finish(session, emit(session.start, session.last), &fired->arena);
    session.fired = true;
  }
  std::erase_if(sessions_, [&](const Session& session) {
    return session.fired && EndOf(session.last) + lateness_ <= watermark;
  });
  if (sessions_.empty()) return std::nullopt;
  int64_t due = batch::kMaxTimestamp;
  for (const Session& session : sessions_) {
    due = std::min(due, EndOf(session.last) + (session.fired ? lateness_ : 0));
  }
  store_->Write(sessions_, value, &text_);
  table.set_text(slot, text_);
  return due;
}

absl::StatusOr<bool> SessionAggregateOperator::FirePage(int64_t watermark, Output& output) {
  ASSIGN_OR_RETURN(const std::vector<SessionTimers::Due> due, timers_.Pop(watermark, kPage));
  if (due.empty()) return false;
  due_keys_.bytes.clear();
  due_keys_.offsets.assign(1, 0);
  due_keys_.hashes.clear();
  for (const SessionTimers::Due& one : due) {
    due_keys_.bytes += one.key;
    due_keys_.offsets.push_back(static_cast<uint32_t>(due_keys_.bytes.size()));
    due_keys_.hashes.push_back(batch::HashKey(one.key));
  }
  std::vector<uint32_t> rows(due.size());
  std::iota(rows.begin(), rows.end(), 0);
  slots_.resize(rows.size());
  NamespaceTable& table = table_->Open(kSessions);
  RETURN_IF_ERROR(table.Find(due_keys_, nullptr, rows.data(), static_cast<int64_t>(rows.size()), slots_.data()));
  Fired fired;
  std::vector<uint32_t> changed, removed;
  for (uint32_t i = 0; i < due.size(); ++i) {
    if (slots_[i] == kNoSlot) continue;
    SessionHeader* header = SessionStore::HeaderOf(table.value(slots_[i]));
    if (header->state == SessionHeader::kEmpty) continue;  // removed just now
    // An old note: the key is noted elsewhere.
    if (due[i].unordered && !(header->timed != 0 && timers_.IsOpen(header->timer))) continue;
    ASSIGN_OR_RETURN(const std::optional<int64_t> next, FireKey(table, slots_[i], due[i].key, watermark, &fired));
    if (!next) {
      header->state = SessionHeader::kEmpty;
      removed.push_back(slots_[i]);
      continue;
    }
    const int64_t bucket = timers_.BucketOf(*next);
    if (header->timed != 0 && header->timer < bucket) header->timed = 0;  // that note has come
    changed.push_back(slots_[i]);
    NoteAt(header, *next, i, due[i].key);
  }
  if (!changed.empty()) table.MarkChanged(changed.data(), static_cast<int64_t>(changed.size()));
  RETURN_IF_ERROR(EmitFired(fired, output));
  if (!removed.empty()) table.Remove(removed.data(), static_cast<int64_t>(removed.size()));
  RETURN_IF_ERROR(NoteAll(due_keys_));
  return true;
}

absl::Status SessionAggregateOperator::EmitFired(Fired& fired, Output& output) {
  const auto width = static_cast<size_t>(accumulators_->width());
  for (size_t from = 0; from < fired.keys.size(); from += batch::Batch::kMaxRows) {
    const size_t to = std::min(fired.keys.size(), from + static_cast<size_t>(batch::Batch::kMaxRows));
    std::vector<std::string_view> keys(fired.keys.begin() + from, fired.keys.begin() + to);
    std::vector<const std::byte*> rows;
    for (size_t i = from; i < to; ++i) rows.push_back(fired.rows.data() + i * width);
    const WindowResults::Bounds bounds{{fired.bounds.starts.begin() + from, fired.bounds.starts.begin() + to},
                                       {fired.bounds.ends.begin() + from, fired.bounds.ends.begin() + to}};
    RETURN_IF_ERROR(results_.Emit(keys, rows, bounds, &fired.arena, output));
  }
  return absl::OkStatus();
}

absl::StatusOr<Progress> SessionAggregateOperator::AdvanceWatermark(int64_t watermark, Output& output) {
  if (watermark <= watermark_) return Progress::kDone;
  if (timers_.HasWork(watermark)) {
    ASSIGN_OR_RETURN(const bool more, FirePage(watermark, output));
    if (more) return Progress::kMore;
  }
  watermark_ = watermark;
  return Progress::kDone;
}

}  // namespace weir::taskmanager
