#include "tests/simulation/oracle/exact.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/str_cat.h"

namespace weir::sim {
namespace {

constexpr size_t kMostNamed = 5;

std::string Name(const RecordId& id) { return absl::StrCat(id.split, "/", id.seq); }
const std::string& Name(const std::string& row) { return row; }

/// Some of one kind of wrong rows.
class Wrong {
 public:
  explicit Wrong(const char* kind) : kind_(kind) {}
  template <typename Row>
  void Add(const Row& row) {
    if (++count_ <= kMostNamed) absl::StrAppend(&named_, named_.empty() ? "" : ", ", Name(row));
  }
  void AppendTo(std::string* text) const {
    if (count_ == 0) return;
    absl::StrAppend(text, text->empty() ? "" : "; ", count_, " ", kind_, ": ", named_,
                    count_ > kMostNamed ? ", …" : "");
  }

 private:
  const char* kind_;
  size_t count_ = 0;
  std::string named_;
};

template <typename Row>
Violations Compare(const std::vector<Row>& expected, const std::vector<Row>& output, const std::string& where) {
  Wrong missing("missing"), doubled("doubled"), unexpected("unexpected");
  size_t e = 0, o = 0;
  while (e < expected.size() || o < output.size()) {
    if (o == output.size() || (e < expected.size() && expected[e] < output[o])) {
      missing.Add(expected[e++]);
    } else if (e < expected.size() && expected[e] == output[o]) {
      ++e, ++o;
    } else {
      // Sorted: one more of a row that was expected stands right behind it.
      if (e > 0 && expected[e - 1] == output[o]) {
        doubled.Add(output[o++]);
      } else {
        unexpected.Add(output[o++]);
      }
    }
  }
  std::string text;
  missing.AppendTo(&text);
  doubled.AppendTo(&text);
  unexpected.AppendTo(&text);
  if (text.empty()) return {};
  return {{"O1", absl::StrCat(where, ": ", text, " (", output.size(), " rows, ", expected.size(), " expected)")}};
}

bool FindNumber(const std::string& row, std::string_view key, int64_t* value) {
  const size_t at = row.find(key);
  if (at == std::string::npos) return false;
  const char* from = row.data() + at + key.size();
  return std::from_chars(from, row.data() + row.size(), *value).ec == std::errc();
}

}  // namespace

Violations CheckExact(const Ranges& expected, std::vector<RecordId> output, const std::string& where) {
  std::vector<RecordId> all;
  for (const auto& [split, range] : expected) {
    for (int64_t seq = range.from; seq < range.to; ++seq) all.push_back({split, seq});
  }
  std::sort(output.begin(), output.end());
  return Compare(all, output, where);
}

Violations CheckNothingTwice(const Ranges& handed_out, std::vector<RecordId> output, const std::string& where) {
  std::sort(output.begin(), output.end());
  Wrong doubled("doubled"), unexpected("unexpected");
  for (size_t i = 0; i < output.size(); ++i) {
    if (i > 0 && output[i] == output[i - 1]) doubled.Add(output[i]);
    const auto range = handed_out.find(output[i].split);
    if (range == handed_out.end() || output[i].seq < range->second.from || output[i].seq >= range->second.to) {
      unexpected.Add(output[i]);
    }
  }
  std::string text;
  doubled.AppendTo(&text);
  unexpected.AppendTo(&text);
  if (text.empty()) return {};
  return {{"O1", absl::StrCat(where, ": ", text)}};
}

Violations CheckSameRows(std::vector<std::string> expected, std::vector<std::string> output, const std::string& where) {
  std::sort(expected.begin(), expected.end());
  std::sort(output.begin(), output.end());
  return Compare(expected, output, where);
}

Violations CheckOrder(const std::vector<RecordId>& partition, const std::string& where) {
  std::map<int32_t, int64_t> last;
  for (const RecordId& id : partition) {
    const auto [it, first] = last.emplace(id.split, id.seq);
    if (!first && id.seq <= it->second) {
      return {{"O2", absl::StrCat(where, ": record ", Name(id), " comes behind ", id.split, "/", it->second)}};
    }
    it->second = id.seq;
  }
  return {};
}

bool ParseRecord(const std::string& row, RecordId* id) {
  int64_t split;
  if (!FindNumber(row, "\"p\":", &split) || !FindNumber(row, "\"s\":", &id->seq)) return false;
  id->split = static_cast<int32_t>(split);
  return true;
}

}  // namespace weir::sim
