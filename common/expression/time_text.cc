// Times as text: date_format, to_timestamp, to_date.
#include "absl/strings/str_cat.h"
#include "common/expression/calendar.h"
#include "common/expression/functions.h"

namespace weir::expression {

using batch::DataType;
using batch::TypeKind;

namespace {

std::optional<TimePattern> PatternArgument(BoundCall& call) {
  if (!call.WantKind(1, TypeKind::kString)) return std::nullopt;
  const batch::Column* value = call.WantConstant(1, "the pattern");
  if (value == nullptr) return std::nullopt;
  std::string problem;
  auto pattern = TimePattern::Make(value->text(0), &problem);
  if (!pattern) call.FailAt(1, problem);
  return pattern;
}

NodePtr BindFormat(BoundCall& call) {
  if (!call.WantTime(0) || !call.WantKind(0, TypeKind::kTimestamp)) return nullptr;
  auto pattern = PatternArgument(call);
  if (!pattern) return nullptr;
  return call.MakeOf(
      {call.args[0]}, DataType{TypeKind::kString},
      [pattern = std::move(*pattern)](KernelCall& c) {
        std::string text;
        // Neighbours often have the same text: it is written once.
        const auto unit = static_cast<uint64_t>(pattern.unit());
        uint64_t begin = 0;
        batch::StringRef* out = c.out->mutable_data<batch::StringRef>();
        int64_t last = -1;
        ForLive(c, [&](int64_t i) {
          const int64_t t = c.args[0].at<int64_t>(i);
          if (last >= 0 && static_cast<uint64_t>(t) - begin < unit) {
            out[i] = out[last];
            return;
          }
          text.clear();
          pattern.Format(t, &text);
          c.SetCopy(i, text);
          last = i;
          begin = static_cast<uint64_t>(FloorDivide(t, pattern.unit())) * unit;  // may wrap around, as the difference does
        });
      },
      kPartial);
}

// to_timestamp(s[, pattern]) and to_date(s[, pattern]); without a pattern the forms that CAST
// takes.
NodePtr BindParse(BoundCall& call) {
  bool date = call.ast.name == "to_date";
  DataType type{date ? TypeKind::kDate : TypeKind::kTimestamp};
  if (!call.WantKind(0, TypeKind::kString)) return nullptr;
  if (call.size() == 1) {
    auto cast = FindCast(DataType{TypeKind::kString}, type, false);
    return call.Make(type, std::move(cast->kernel), cast->flags);
  }
  auto pattern = PatternArgument(call);
  if (!pattern) return nullptr;
  return call.MakeOf(
      {call.args[0]}, type,
      [pattern = std::move(*pattern), date](KernelCall& c) {
        ForLive(c, [&](int64_t i) {
          auto micros = pattern.Parse(c.text(0, i));
          if (!micros) {
            return c.Fail(i,
                          absl::StrCat("cannot convert '", std::string(c.text(0, i).substr(0, 40)),
                                       "' to ", date ? "date" : "timestamp"));
          }
          if (date) {
            c.out->mutable_data<int32_t>()[i] =
                static_cast<int32_t>(FloorDivide(*micros, kDayLength));
          } else {
            c.out->mutable_data<int64_t>()[i] = *micros;
          }
        });
      },
      kMayFail | kPartial);
}

}  // namespace

void AddTimeText(FunctionTable* table) {
  (*table)["date_format"] = {2, 2, BindFormat, "date_format(ts, 'yyyy-MM-dd HH:mm:ss')"};
  (*table)["to_timestamp"] = {1, 2, BindParse, "to_timestamp(s[, pattern])"};
  (*table)["to_date"] = {1, 2, BindParse, "to_date(s[, pattern])"};
}

}  // namespace weir::expression
