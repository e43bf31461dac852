// Times and intervals: ts + INTERVAL '5' MINUTE, timestampadd, timestampdiff.
#include "absl/strings/str_cat.h"
#include "common/expression/calendar.h"
#include "common/expression/functions.h"
#include "common/expression/parser.h"
#include "common/expression/suggest.h"

namespace weir::expression {

using batch::DataType;
using batch::TypeKind;

namespace {

Kernel AddKernel(Interval interval) {
  return [interval](KernelCall& c) {
    int64_t* out = c.out->mutable_data<int64_t>();
    ForLive(c, [&](int64_t i) {
      auto moved = AddInterval(c.args[0].at<int64_t>(i), interval);
      if (!moved) return c.Fail(i, "timestamp overflow");
      out[i] = *moved;
    });
  };
}

// As a date again when it was one and only whole days were added.
NodePtr BackToDate(BoundCall& call, NodePtr node) {
  auto cast = FindCast(DataType{TypeKind::kTimestamp}, DataType{TypeKind::kDate}, false);
  return call.MakeOf({Fold(std::move(node))}, DataType{TypeKind::kDate}, std::move(cast->kernel),
                     cast->flags);
}

std::optional<Interval> UnitArgument(BoundCall& call) {
  std::string unit(call.args[0]->Value()->text(0));
  auto length = UnitLength(unit);
  if (!length) {
    call.FailAt(
        0, absl::StrCat(call.ast.name, " knows no unit `", unit, "`",
                        DidYouMean(unit, {"microsecond", "millisecond", "second", "minute", "hour",
                                          "day", "week", "month", "quarter", "year"})));
  }
  return length;
}

NodePtr BindAdd(BoundCall& call) {
  auto unit = UnitArgument(call);
  if (!unit || !call.WantKind(1, TypeKind::kBigint) || !call.WantTime(2)) return nullptr;
  bool date = call.kind(2) == TypeKind::kDate && unit->micros % kDayLength == 0;
  if (!call.WantKind(2, TypeKind::kTimestamp)) return nullptr;
  NodePtr moved = call.MakeOf(
      {call.args[1], call.args[2]}, DataType{TypeKind::kTimestamp},
      [unit = *unit](KernelCall& c) {
        int64_t* out = c.out->mutable_data<int64_t>();
        ForLive(c, [&](int64_t i) {
          int64_t n = c.args[0].at<int64_t>(i);
          Interval interval;
          constexpr int64_t kMostMonths = 10'000'000;
          bool bad = __builtin_mul_overflow(n, unit.micros, &interval.micros) ||
                     (unit.months != 0 && (n > kMostMonths || n < -kMostMonths));
          interval.months = bad ? 0 : n * unit.months;
          auto moved = bad ? std::nullopt : AddInterval(c.args[1].at<int64_t>(i), interval);
          if (!moved) return c.Fail(i, "timestamp overflow");
          out[i] = *moved;
        });
      },
      kMayFail | kPartial);
  return date ? BackToDate(call, std::move(moved)) : moved;
}

// Whole units from `from` to `to`, towards zero.
int64_t WholeMonths(int64_t from, int64_t to) {
  if (to < from) return -WholeMonths(to, from);
  Civil a = CivilOf(from), b = CivilOf(to);
  int64_t months = (b.year - a.year) * 12 + (b.month - a.month);
  if (b.day < a.day || (b.day == a.day && b.micros < a.micros)) --months;
  return months;
}

NodePtr BindDifference(BoundCall& call) {
  auto unit = UnitArgument(call);
  if (!unit) return nullptr;
  for (size_t i = 1; i < 3; ++i) {
    if (!call.WantTime(i) || !call.WantKind(i, TypeKind::kTimestamp)) return nullptr;
  }
  return call.MakeOf(
      {call.args[1], call.args[2]}, DataType{TypeKind::kBigint},
      [unit = *unit](KernelCall& c) {
        int64_t* out = c.out->mutable_data<int64_t>();
        ForLive(c, [&](int64_t i) {
          int64_t from = c.args[0].at<int64_t>(i), to = c.args[1].at<int64_t>(i), span;
          if (__builtin_sub_overflow(to, from, &span)) return c.Fail(i, "bigint overflow");
          out[i] = unit.months != 0 ? WholeMonths(from, to) / unit.months : span / unit.micros;
        });
      },
      kMayFail | kPartial);
}

}  // namespace

// + and - where an operand is a time or an interval.
NodePtr BindTimeArithmetic(BoundCall& call) {
  const std::string& op = call.ast.name;
  bool first = call.args[0] == nullptr, second = call.args[1] == nullptr;
  auto is_time = [](TypeKind kind) {
    return kind == TypeKind::kTimestamp || kind == TypeKind::kDate || kind == kUntyped;
  };
  if (!first && !second) {
    if (op == "-" && is_time(call.kind(0)) && is_time(call.kind(1))) {
      return call.Fail(
          "the difference of two times has no type of its own; write timestampdiff(SECOND, from, "
          "to), or subtract their unix_millis");
    }
    return call.Fail(absl::StrCat("`", op, "` cannot put ", TypeName(call.type(0)), " and ",
                                  TypeName(call.type(1)),
                                  " together; a length of time is written INTERVAL '5' MINUTE"));
  }
  size_t time = first ? 1 : 0;
  if (call.args[time] == nullptr || (op == "-" && first) || (op != "+" && op != "-") ||
      !is_time(call.kind(time))) {
    return call.Fail(
        "an INTERVAL is added to or subtracted from a timestamp or date, nothing else");
  }
  Interval interval = call.ast.args[first ? 0 : 1]->interval;
  if (op == "-") interval = {-interval.months, -interval.micros};
  bool date = call.kind(time) == TypeKind::kDate && interval.micros % kDayLength == 0;
  if (!call.WantKind(time, TypeKind::kTimestamp)) return nullptr;
  NodePtr moved = call.MakeOf({call.args[time]}, DataType{TypeKind::kTimestamp},
                              AddKernel(interval), kMayFail | kPartial);
  return date ? BackToDate(call, std::move(moved)) : moved;
}

void AddTimeArithmetic(FunctionTable* table) {
  (*table)["timestampadd"] = {3, 3, BindAdd, "timestampadd(MINUTE, n, ts)"};
  (*table)["timestampdiff"] = {3, 3, BindDifference, "timestampdiff(SECOND, from, to)"};
}

}  // namespace weir::expression
