#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/batch/batch.h"
#include "common/expression/expression.h"

namespace weir::expression {

/// What a kernel works on: the arguments' columns in, one column out.
///
/// Shape:   `args` are flat with `rows` values or constant; when all are constant `rows` is 1.
/// `out` has room for `rows`
///          values. For functions that are NULL on NULL `valid` says where all arguments are there
///          (null: everywhere), and `out` has that validity already; a kernel computes on NULL rows
///          too where that is cheap and harmless.
/// Errors:  only of rows that are Live().
struct KernelCall {
  const std::vector<batch::Column>& args;
  int64_t rows;
  const uint8_t* valid;   // null: all
  const uint8_t* active;  // rows whose value is needed; null: all
  batch::Column* out;
  batch::StringArena* arena;
  const EvaluationContext& context;
  const std::string& where;  // the call's text, for messages
  RowErrors* errors;

  bool Live(int64_t i) const {
    return (active == nullptr || active[i]) && (valid == nullptr || valid[i]);
  }
  /// Only in kernels bound with kMayNull or kMayFail.
  void SetNull(int64_t i) { out->EnsureValidity()[i] = 0; }
  void Fail(int64_t i, std::string_view message);

  std::string_view text(int arg, int64_t i) const { return args[arg].text(i); }
  /// A result that is part of an argument; KeepBytes(arg) once a call.
  void SetView(int64_t i, std::string_view text) {
    out->mutable_data<batch::StringRef>()[i] = batch::StringRef(text);
  }
  void SetCopy(int64_t i, std::string_view text);
  void KeepBytes(int arg) { out->AddHeaps(args[arg].heaps()); }
};
using Kernel = std::function<void(KernelCall&)>;

/// Longest string that a function may make of shorter ones.
inline constexpr size_t kMaxStringResult = 16 * 1024 * 1024;

enum KernelFlags : unsigned {
  kPure = 0,
  kMayFail = 1,   // may call Fail
  kMayNull = 2,   // may call SetNull on rows without NULL arguments
  kVolatile = 4,  // depends on the row number: never folded
  kTakesNull =
      8,          // is called for NULL arguments too and sets validity itself; `valid` is null then
  kPartial = 16,  // writes only Live rows: `out` is zeroed before, and skipping rows pays
};

/// out[i] = f(a[i]) for all rows.
template <typename A, typename R, typename F>
void Map1(KernelCall& c, F f) {
  const A* a = c.args[0].data<A>();
  R* out = c.out->mutable_data<R>();
  for (int64_t i = 0; i < c.rows; ++i) out[i] = f(a[i]);
}

/// out[i] = f(a[i], b[i]) for all rows, a loop for each way operands can be constant.
template <typename A, typename B, typename R, typename F>
void Map2(KernelCall& c, F f) {
  const A* a = c.args[0].data<A>();
  const B* b = c.args[1].data<B>();
  R* out = c.out->mutable_data<R>();
  if (c.args[0].constant()) {
    const A x = a[0];
    for (int64_t i = 0; i < c.rows; ++i) out[i] = f(x, b[i]);
  } else if (c.args[1].constant()) {
    const B y = b[0];
    for (int64_t i = 0; i < c.rows; ++i) out[i] = f(a[i], y);
  } else {
    for (int64_t i = 0; i < c.rows; ++i) out[i] = f(a[i], b[i]);
  }
}

/// f(i) for the rows that count.
template <typename F>
void ForLive(KernelCall& c, F f) {
  if (c.active == nullptr && c.valid == nullptr) {
    for (int64_t i = 0; i < c.rows; ++i) f(i);
  } else {
    for (int64_t i = 0; i < c.rows; ++i) {
      if (c.Live(i)) f(i);
    }
  }
}

}  // namespace weir::expression
