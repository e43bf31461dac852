#include <cmath>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/base/rng.h"
#include "taskmanager/operator/window/running_merge.h"
#include "taskmanager/operator/window/suffix_merge.h"
#include "tests/unit/taskmanager/operator/window_pipeline.h"

// What a sliding window keeps from one firing to the next is what merging its slices would give.

namespace weir::taskmanager {
namespace {

using Rows = std::map<std::string, std::string>;  // key bytes -> values
constexpr WindowMath kTwelve{12, 1, 1, 0};

std::string JobYaml(const std::string& aggregates) {
  return absl::StrCat(R"y(
version: 1
name: t
parallelism: 2
sources:
  src: {type: file, path: /x, format: {type: json}, schema: {k: bigint, n: bigint, s: string, x: double,
        ts: timestamp not null}, event_time: {field: ts}}
operators:
  w:
    type: window_aggregate
    input: src
    key_by: [k]
    window: {sliding: 12s, slide: 1s}
    aggregate: {)y",
                      aggregates, R"y(}
sinks:
  out: {type: print, input: w}
)y");
}

struct NoMemory final : KeyedState {
  absl::StatusOr<KeyedTable*> OpenTable(const TableSpec&) override { return nullptr; }
  bool CopyFrozen(int64_t) override { return true; }
  absl::StatusOr<std::unique_ptr<KeyedSnapshotWriter>> Freeze(CheckpointId) override {
    return nullptr;
  }
  void OnCheckpointComplete(CheckpointId) override {}
  void OnCheckpointAborted(CheckpointId) override {}
  int64_t memory_bytes() const override { return 0; }
};

/// Slices of one unit in state, and what was put into them. Aggregates: a sum or maximum of n, and
/// the least text if `texts`.
struct Slices {
  explicit Slices(bool extrema, bool texts = false)
      : extrema(extrema),
        plan(testing::PlanOf(JobYaml(
            absl::StrCat(extrema ? "v: max(n)" : "v: sum(n)", texts ? ", s: min(s)" : "")))),
        accumulators(OperatorOf(*plan, plan::OperatorKind::kWindowAggregate).window->aggregates),
        keyed(home.Open({0, plan->max_parallelism}, {})) {
    REQUIRE_STATUS(state.Open(*keyed, accumulators));
    merge = Make(keyed.get());
  }
  std::unique_ptr<SlidingMerge> Make(const KeyedState* memory, int64_t least = 1 << 20) {
    if (extrema)
      return std::make_unique<SuffixMerge>(&accumulators, &state, kTwelve, memory, least);
    return std::make_unique<RunningMerge>(&accumulators, &state, kTwelve);
  }
  /// `told`: the merge hears of it.
  void Put(int64_t slice, int64_t key, int64_t value, const std::string& text = "",
           bool told = true) {
    batch::Batch batch;
    batch.rows = 1;
    batch.columns.push_back(
        batch::Column::Constant(batch::DataType{batch::TypeKind::kBigint}, 1, key));
    batch::KeyBatch keys;
    batch::MakeKeys(batch, {0}, &keys);
    const uint32_t row = 0;
    uint32_t slot = 0;
    uint8_t inserted = 0;
    if (state.texts.size() > 1) {
      NamespaceTable& table = state.texts[1]->Open(slice);
      REQUIRE_STATUS(table.FindOrInsert(keys, nullptr, &row, 1, &slot, &inserted));
      if (inserted != 0 || text < table.text(slot)) table.set_text(slot, text);
    }
    NamespaceTable& table = state.main->Open(slice);
    REQUIRE_STATUS(table.FindOrInsert(keys, nullptr, &row, 1, &slot, &inserted));
    const batch::Column values =
        batch::Column::Constant(batch::DataType{batch::TypeKind::kBigint}, 1, value);
    std::byte* target = table.value(slot);
    accumulators.AddRows(0, &values, nullptr, &row, 1, &target, nullptr);
    if (told) merge->OnChanged(slice, keys, {0});
    auto& [sum, most, least] =
        all[slice]
            .try_emplace(std::string(keys.key(0)), 0, std::numeric_limits<int64_t>::min(), "~")
            .first->second;
    sum += value;
    most = std::max(most, value);
    least = std::min(least, text);
  }
  void Drop(int64_t slice) {
    state.Drop(slice);
    all.erase(slice);
  }
  Rows Wanted(int64_t window_end) const {
    std::map<std::string, std::tuple<int64_t, int64_t, std::string>> merged;
    for (auto it = all.upper_bound(window_end - kTwelve.size); it != all.upper_bound(window_end);
         ++it) {
      for (const auto& [key, value] : it->second) {
        auto& [sum, most, least] =
            merged.try_emplace(key, 0, std::numeric_limits<int64_t>::min(), "~").first->second;
        sum += std::get<0>(value);
        most = std::max(most, std::get<1>(value));
        least = std::min(least, std::get<2>(value));
      }
    }
    Rows wanted;
    for (const auto& [key, value] : merged) {
      wanted[key] = std::to_string(extrema ? std::get<1>(value) : std::get<0>(value));
      if (state.texts.size() > 1) wanted[key] += "|" + std::get<2>(value);
    }
    return wanted;
  }
  /// Nothing: given up.
  std::optional<Rows> Fire(int64_t window_end) {
    if (!merge->Begin(window_end)) return std::nullopt;
    Rows rows;
    for (;;) {
      SlidingMerge::Page page;
      auto result = merge->Step(&page);
      REQUIRE_STATUS(result.status());
      if (*result == SlidingMerge::Result::kGivenUp) {
        CHECK(rows.empty());
        return std::nullopt;
      }
      const auto count = static_cast<int64_t>(page.keys.size());
      CHECK(count <= batch::Batch::kMaxRows);
      std::vector<uint32_t> overflowed;
      std::vector<batch::Column> columns;
      for (int a = 0; a < accumulators.size() && count > 0; ++a)
        columns.push_back(
            accumulators.Results(a, page.rows.data(), count, page.arena, &overflowed));
      for (int64_t i = 0; i < count; ++i) {
        std::string text;
        for (const batch::Column& column : columns)
          text += (text.empty() ? "" : "|") + batch::ValueToString(column, i);
        CHECK(rows.emplace(page.keys[static_cast<size_t>(i)], text).second);
      }
      if (*result == SlidingMerge::Result::kDone) return rows;
    }
  }

  const bool extrema;
  StateHome home;
  std::shared_ptr<const plan::ExecutionPlan> plan;
  Accumulators accumulators;
  std::unique_ptr<KeyedState> keyed;
  WindowState state;
  std::unique_ptr<SlidingMerge> merge;
  std::map<int64_t, std::map<std::string, std::tuple<int64_t, int64_t, std::string>>> all;
};

TEST_CASE("sliding merge: random slices, late rows, windows left out", "[operator][window]") {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    Rng rng(seed);
    Slices slices(seed % 3 != 0, seed % 3 == 1);
    const int64_t keys = seed % 4 == 0 ? 300 : 6;  // few: too many of them are stale at once
    auto text = [&] { return std::string(rng.Below(20), 'x') + std::to_string(rng.Below(30)); };
    for (int64_t end = -30; end < 30; ++end) {
      if (rng.Below(6) > 0) {  // else an empty slice
        for (int64_t n = static_cast<int64_t>(rng.Below(40)); n > 0; --n) {
          // Keys come and go; what falls is worst for maxima.
          const int64_t key =
              (rng.Below(2) == 0 ? end / 15 * 1000 : 0) + static_cast<int64_t>(rng.Below(keys));
          slices.Put(end, key, -10 * end + static_cast<int64_t>(rng.Below(150)), text());
        }
      }
      for (int64_t late = static_cast<int64_t>(rng.Below(3)); late > 0; --late) {
        const int64_t slice = end - static_cast<int64_t>(rng.Below(12));
        slices.Put(slice, static_cast<int64_t>(rng.Below(keys)),
                   static_cast<int64_t>(rng.Below(500)), text());
      }
      if (rng.Below(12) == 0) slices.merge = slices.Make(slices.keyed.get());  // as after a restore
      if (rng.Below(15) == 0) end += static_cast<int64_t>(rng.Below(16));
      INFO("window to " << end);
      const std::optional<Rows> rows = slices.Fire(end);
      REQUIRE(rows);
      CHECK(*rows == slices.Wanted(end));
      slices.Drop(end - kTwelve.size + 1);
    }
  }
}

TEST_CASE("sliding merge: more keys than a page, at once stale", "[operator][window]") {
  for (const bool extrema : {false, true}) {
    Slices slices(extrema);
    constexpr int64_t kKeys = 5000;
    for (int64_t end = 0; end < 26; ++end) {
      for (int64_t key = end % 3; key < kKeys; key += 3) slices.Put(end, key, key * 7 % 1000 - end);
      for (int64_t key = 0; key < 200; ++key) slices.Put(end - 4, key, 2000 - end);
      const std::optional<Rows> rows = slices.Fire(end);
      REQUIRE(rows);
      CHECK(*rows == slices.Wanted(end));
    }
  }
}

TEST_CASE("sliding merge: slices that are merged are not asked again", "[operator][window]") {
  for (const bool extrema : {false, true}) {
    Slices slices(extrema);
    for (int64_t slice = 1; slice <= 12; ++slice) slices.Put(slice, 1, 10);
    Rows before = *slices.Fire(12);
    slices.Put(6, 1, 1000, "", false);
    slices.Put(13, 1, 10);
    CHECK(*slices.Fire(13) == before);
    // Another key's row does not make it look either; this one's does.
    slices.Put(6, 2, 1);
    slices.Put(14, 1, 10);
    CHECK(*slices.Fire(14) != slices.Wanted(14));
    slices.Put(7, 1, 1);
    slices.Put(15, 1, 10);
    CHECK(*slices.Fire(15) == slices.Wanted(15));
  }
}

TEST_CASE("sliding merge: what would take more memory than the state is given up for a while",
          "[operator][window]") {
  Slices slices(true, true);
  NoMemory none;
  slices.merge = slices.Make(&none, 400'000);
  auto put = [&](int64_t slice, int64_t keys) {
    for (int64_t key = 0; key < keys; ++key)
      slices.Put(slice, key, key, "a text of more than twelve bytes");
  };
  for (int64_t slice = 1; slice <= 12; ++slice) put(slice, 10);
  CHECK(*slices.Fire(12) == slices.Wanted(12));
  put(13, 6000);  // too much for what enters
  CHECK_FALSE(slices.Fire(13));
  for (int64_t end = 14; end < 26; ++end) {
    put(end, end == 25 ? 6000 : 10);
    CHECK_FALSE(slices.Fire(end));  // it rests for a window's size
    slices.Drop(end - kTwelve.size + 1);
  }
  CHECK_FALSE(slices.Fire(25));                       // too much for what is made anew
  put(30, 3000);                                      // of another window: the state has more than this one merges
  slices.merge = slices.Make(slices.keyed.get(), 0);  // as much as the state has in memory
  const auto merged = slices.Fire(25);
  REQUIRE(merged);
  CHECK(*merged == slices.Wanted(25));
}

struct Doubles {
  explicit Doubles(const std::string& aggregates) : plan(testing::PlanOf(JobYaml(aggregates))) {
    REQUIRE(plan != nullptr);
    Restart(nullptr);
  }
  void Restart(const PipelineSnapshot* snapshot) {
    pipeline = std::make_unique<WindowPipeline>(plan, &home, 1, 1, snapshot);
  }
  void Feed(double x, int64_t second) {
    BatchOf batch(pipeline->source_schema(), 1);
    batch.Set<int64_t>("k", [](int64_t) { return std::optional<int64_t>(1); });
    batch.Set<double>("x", [&](int64_t) { return std::optional(x); });
    batch.SetTimes([&](int64_t) { return second * 1'000'000; });
    REQUIRE_STATUS(pipeline->Feed(0, batch.Finish()));
  }
  /// The bits of the first two aggregates of all windows up to `second`.
  std::vector<uint64_t> Advance(int64_t second) {
    REQUIRE_STATUS(pipeline->Advance(0, second * 1'000'000));
    std::vector<uint64_t> bits;
    for (const batch::Batch& batch : pipeline->collector->batches[kMainPort]) {
      for (int64_t i = 0; i < batch.rows; ++i) {
        for (size_t c = 3; c < 5; ++c) {
          const auto value = batch.columns[c].at<double>(i);
          std::memcpy(&bits.emplace_back(), &value, sizeof(value));
        }
      }
    }
    pipeline->collector->batches.clear();
    return bits;
  }

  StateHome home;
  std::shared_ptr<const plan::ExecutionPlan> plan;
  std::unique_ptr<WindowPipeline> pipeline;
};

TEST_CASE("window: minima and maxima of doubles are the same to the bit however they are merged",
          "[operator][window]") {
  // A sum of doubles has all slices merged in every window.
  Doubles kept("low: min(x), high: max(x)"), restored("low: min(x), high: max(x)"),
      merged("low: min(x), high: max(x), sum: sum(x)");
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double values[] = {0.0, -0.0, nan, -nan, 1.5, -1.5};
  Rng rng(7);
  for (int64_t second = 0; second < 300; ++second) {
    // Long the same kind, so that it is all of a window.
    const auto from = static_cast<uint64_t>(second / 50 % 3) * 2;
    const double x = values[from + rng.Below(second % 7 == 0 ? 6 - from : 2)];
    for (Doubles* one : {&kept, &restored, &merged}) one->Feed(x, second);
    const std::vector<uint64_t> wanted = merged.Advance(second);
    CHECK(kept.Advance(second) == wanted);
    CHECK(restored.Advance(second) == wanted);
    if (second % 5 != 0) continue;
    const PipelineSnapshot snapshot = restored.pipeline->Checkpoint(second + 1);
    restored.Restart(&snapshot);
  }
}

TEST_CASE("window: sums of doubles do not depend on restores", "[operator][window]") {
  Doubles calm("a: sum(x), b: avg(x)"), restored("a: sum(x), b: avg(x)");
  Rng rng(8);
  for (int64_t second = 0; second < 100; ++second) {
    const double x =
        std::ldexp(static_cast<double>(rng.Below(1000)) / 7, static_cast<int>(rng.Below(60)));
    calm.Feed(x, second);
    restored.Feed(x, second);
    CHECK(calm.Advance(second) == restored.Advance(second));
    const PipelineSnapshot snapshot = restored.pipeline->Checkpoint(second + 1);
    restored.Restart(&snapshot);
  }
}

}  // namespace
}  // namespace weir::taskmanager
