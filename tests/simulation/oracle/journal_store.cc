#include "tests/simulation/oracle/journal_store.h"

#include "tests/simulation/scheduler/simulation.h"

namespace weir::sim {
namespace {

Journal::Record NoteOf(const jobmanager::JobRecord& record) {
  Journal::Record note;
  note.proposed_at = TheSimulation().Now();
  note.job = record.id;
  note.epoch = record.epoch;
  note.attempt = record.attempt;
  note.last_id = record.last_id;
  if (!record.retained.empty()) note.manifest = record.retained.back().manifest.path;
  note.state = record.state;
  return note;
}

absl::Status Answered(Journal* journal, Journal::Record note, const jobmanager::JobRecord& record,
                      absl::Status status) {
  if (!status.ok()) return status;
  // The answer may be old news: a leader that was paused hears late of what it wrote before the next one led.
  const auto [last, first] = journal->last_records.try_emplace(record.id, record);
  if (!first && record.epoch >= last->second.epoch) last->second = record;
  note.accepted_at = TheSimulation().Now();
  journal->records.push_back(std::move(note));
  TheSimulation().Trace("recorded", journal->records.back().last_id.value, journal->records.back().attempt.value,
                        jobmanager::ToString(journal->records.back().state));
  return status;
}

}  // namespace

absl::Status JournalStore::Create(const jobmanager::JobRecord& record, const std::string& spec) {
  const Journal::Record note = NoteOf(record);
  journal_->proposed.push_back(note);
  return Answered(journal_, note, record, inner_->Create(record, spec));
}

absl::Status JournalStore::Put(const jobmanager::JobRecord& record) {
  const Journal::Record note = NoteOf(record);
  journal_->proposed.push_back(note);
  return Answered(journal_, note, record, inner_->Put(record));
}

}  // namespace weir::sim
