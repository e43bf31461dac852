#include "taskmanager/operator/window/session_store.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "common/base/bytes.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager {
namespace {

/// Texts are read from memory that is not the store's: bounds are checked, though it wrote them.
absl::Status Damaged() { return absl::DataLossError("state holds a session whose text is cut off"); }

}  // namespace

SessionStore::SessionStore(const Accumulators* accumulators) : accumulators_(accumulators) {
  for (int a = 0; a < accumulators->size(); ++a) {
    has_sides_ |= accumulators->kind(a) == Accumulators::Kind::kMinMaxText ||
                  accumulators->kind(a) == Accumulators::Kind::kDistinct;
  }
}

TableSpec SessionStore::table() const {
  return {"sessions", static_cast<int32_t>(sizeof(SessionHeader)) + accumulators_->width(), true};
}

Session SessionStore::Make(int64_t time) const {
  Session session;
  session.start = session.last = time;
  session.row.resize(static_cast<size_t>(accumulators_->width()));
  session.distinct.resize(static_cast<size_t>(accumulators_->size()));
  return session;
}

absl::Status SessionStore::Read(const std::byte* row, std::string_view text, std::vector<Session>* sessions) const {
  sessions->clear();
  SessionHeader header;
  std::memcpy(&header, row, sizeof(header));
  if (header.state == SessionHeader::kEmpty) return absl::OkStatus();
  Session& first = sessions->emplace_back(Make(header.start));
  first.last = header.last;
  first.fired = header.state == SessionHeader::kFired;
  const auto width = static_cast<size_t>(accumulators_->width());
  if (width > 0) std::memcpy(first.row.data(), row + sizeof(header), width);
  if (text.empty()) return absl::OkStatus();
  ByteReader reader(text);
  const auto others = reader.Get<uint32_t>();
  for (uint32_t s = 0; s <= others && reader.ok(); ++s) {
    if (s > 0) {
      Session& other = sessions->emplace_back(Make(reader.Get<int64_t>()));
      other.last = reader.Get<int64_t>();
      other.fired = reader.Get<uint8_t>() != 0;
      const std::string_view raw = reader.GetRaw(width);
      if (!reader.ok()) return Damaged();
      if (width > 0) std::memcpy(other.row.data(), raw.data(), width);
    }
    Session& session = sessions->back();
    for (int a = 0; a < accumulators_->size(); ++a) {
      if (accumulators_->kind(a) == Accumulators::Kind::kMinMaxText) {
        accumulators_->ClearText(a, session.row.data());
        if (reader.Get<uint8_t>() != 0) accumulators_->PointText(a, reader.GetBytes(), session.row.data());
      } else if (accumulators_->kind(a) == Accumulators::Kind::kDistinct) {
        const auto values = reader.Get<uint32_t>();
        std::set<std::string>& set = session.distinct[static_cast<size_t>(a)];
        for (uint32_t v = 0; v < values && reader.ok(); ++v) set.emplace_hint(set.end(), reader.GetBytes());
      }
    }
  }
  return reader.AtEnd() ? absl::OkStatus() : Damaged();
}

void SessionStore::WriteSides(Session& session, std::string* text) const {
  ByteWriter writer(text);
  for (int a = 0; a < accumulators_->size(); ++a) {
    if (accumulators_->kind(a) == Accumulators::Kind::kMinMaxText) {
      std::string_view value;
      const bool has = accumulators_->TextOf(a, session.row.data(), &value);
      writer.Put<uint8_t>(has ? 1 : 0);
      if (has) writer.PutBytes(value);
      accumulators_->ClearText(a, session.row.data());  // no addresses in state
    } else if (accumulators_->kind(a) == Accumulators::Kind::kDistinct) {
      const std::set<std::string>& set = session.distinct[static_cast<size_t>(a)];
      writer.Put(static_cast<uint32_t>(set.size()));
      for (const std::string& value : set) writer.PutBytes(value);
    }
  }
}

void SessionStore::Write(std::vector<Session>& sessions, std::byte* row, std::string* text) const {
  // The newest lies in the row: the next rows are most likely its own.
  std::iter_swap(sessions.begin(), std::max_element(sessions.begin(), sessions.end(),
                                                    [](const Session& a, const Session& b) { return a.last < b.last; }));
  text->clear();
  const auto width = static_cast<size_t>(accumulators_->width());
  if (has_sides_ || sessions.size() > 1) {
    ByteWriter writer(text);
    writer.Put(static_cast<uint32_t>(sessions.size() - 1));
    WriteSides(sessions[0], text);
    for (size_t s = 1; s < sessions.size(); ++s) {
      Session& other = sessions[s];
      std::string sides;
      WriteSides(other, &sides);
      writer.Put(other.start);
      writer.Put(other.last);
      writer.Put<uint8_t>(other.fired ? 1 : 0);
      if (width > 0) text->append(reinterpret_cast<const char*>(other.row.data()), width);
      text->append(sides);
    }
  }
  SessionHeader* header = HeaderOf(row);
  header->start = sessions[0].start;
  header->last = sessions[0].last;
  header->state = sessions[0].fired ? SessionHeader::kFired : SessionHeader::kOpen;
  header->others = static_cast<int16_t>(std::min<size_t>(sessions.size() - 1, std::numeric_limits<int16_t>::max()));
  if (width > 0) std::memcpy(AccumulatorsOf(row), sessions[0].row.data(), width);
}

void SessionStore::Merge(const Session& from, Session* to, batch::StringArena* arena) const {
  to->start = std::min(to->start, from.start);
  to->last = std::max(to->last, from.last);
  accumulators_->Merge(from.row.data(), to->row.data(), arena);
  for (size_t a = 0; a < from.distinct.size(); ++a) to->distinct[a].insert(from.distinct[a].begin(), from.distinct[a].end());
}

void SessionStore::Finish(const Session& session, std::byte* row, batch::StringArena* arena) const {
  accumulators_->Merge(session.row.data(), row, arena);
  for (int a = 0; a < accumulators_->size(); ++a) {
    if (accumulators_->kind(a) != Accumulators::Kind::kDistinct) continue;
    accumulators_->SetDistinct(a, static_cast<int64_t>(session.distinct[static_cast<size_t>(a)].size()), row);
  }
}

}  // namespace weir::taskmanager
