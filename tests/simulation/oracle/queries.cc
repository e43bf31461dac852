#include "tests/simulation/oracle/queries.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/simulation/oracle/windows.h"

namespace weir::sim {
namespace {

struct Record {
  RecordId id;
  Content content;
};

void ForEach(const Ranges& records, const std::function<void(const Record&)>& visit) {
  for (const auto& [split, range] : records) {
    for (int64_t seq = range.from; seq < range.to; ++seq) visit({{split, seq}, ContentOf(split, seq)});
  }
}

std::string Pair(int64_t key, const RecordId& left, const std::string& right) {
  return absl::StrCat("{\"k\":", key, ",\"p\":", left.split, ",\"s\":", left.seq, right, "}");
}

}  // namespace

std::vector<std::string> SessionsOf(const Ranges& records) {
  std::map<int64_t, std::vector<Record>> by_key;
  ForEach(records, [&](const Record& record) {
    if (record.content.passes) by_key[record.content.key].push_back(record);
  });
  std::vector<std::string> rows;
  for (auto& [key, all] : by_key) {
    std::stable_sort(all.begin(), all.end(),
                     [](const Record& a, const Record& b) { return a.content.time_micros < b.content.time_micros; });
    for (size_t from = 0; from < all.size();) {
      size_t to = from;
      int64_t seqs = 0, splits = 0;
      do {
        seqs += all[to].id.seq;
        splits += all[to].id.split;
        ++to;
      } while (to < all.size() &&
               all[to].content.time_micros < all[to - 1].content.time_micros + kSessionGapMicros);
      rows.push_back(absl::StrCat("{\"k\":", key, ",\"b\":", all[from].content.time_micros / 1000, ",\"e\":",
                                  (all[to - 1].content.time_micros + kSessionGapMicros) / 1000, ",\"c\":", to - from,
                                  ",\"s\":", seqs, ",\"q\":", splits, "}"));
      from = to;
    }
  }
  return rows;
}

std::vector<std::string> TopOf(const Ranges& records) {
  std::map<int64_t, std::map<int64_t, int64_t>> windows;  // begin -> key -> count
  ForEach(records, [&](const Record& record) {
    if (!record.content.passes) return;
    const int64_t time = record.content.time_micros;
    for (int64_t begin = time / kSlideMicros * kSlideMicros; begin + kSlidingMicros > time; begin -= kSlideMicros) {
      ++windows[begin][record.content.key];
    }
  });
  std::vector<std::string> rows;
  for (const auto& [begin, counts] : windows) {
    std::vector<std::pair<int64_t, int64_t>> order;
    for (const auto& [key, count] : counts) order.emplace_back(-count, key);
    std::sort(order.begin(), order.end());
    for (size_t i = 0; i < order.size() && i < static_cast<size_t>(kTopRows); ++i) {
      rows.push_back(absl::StrCat("{\"k\":", order[i].second, ",\"b\":", begin / 1000, ",\"c\":", -order[i].first,
                                  ",\"r\":", i + 1, "}"));
    }
  }
  return rows;
}

std::vector<std::string> JoinOf(const Ranges& records) {
  std::map<int64_t, std::multimap<int64_t, RecordId>> others;  // that do not pass: key -> time -> record
  ForEach(records, [&](const Record& record) {
    if (!record.content.passes) others[record.content.key].emplace(record.content.time_micros, record.id);
  });
  std::vector<std::string> rows;
  ForEach(records, [&](const Record& record) {
    if (!record.content.passes) return;
    const auto& of_key = others[record.content.key];
    const auto first = of_key.lower_bound(record.content.time_micros - kBeforeMicros);
    const auto last = of_key.upper_bound(record.content.time_micros + kAfterMicros);
    if (first == last) rows.push_back(Pair(record.content.key, record.id, ",\"x\":null,\"y\":null"));
    for (auto it = first; it != last; ++it) {
      rows.push_back(Pair(record.content.key, record.id,
                          absl::StrCat(",\"x\":", it->second.split, ",\"y\":", it->second.seq)));
    }
  });
  return rows;
}

std::vector<std::string> FirstsOf(const Ranges& records) {
  std::map<int64_t, int64_t> firsts;
  ForEach(records, [&](const Record& record) {
    if (!record.content.passes) return;
    const auto [first, made] = firsts.try_emplace(record.id.seq / kGroupOf, record.id.seq);
    if (!made) first->second = std::min(first->second, record.id.seq);
  });
  std::vector<std::string> rows;
  for (const auto& [group, seq] : firsts) rows.push_back(absl::StrCat("{\"k\":", group, ",\"s\":", seq, "}"));
  return rows;
}

}  // namespace weir::sim
