// Parts of times, truncation, and times as numbers.
#include <array>

#include "absl/strings/str_cat.h"
#include "common/expression/calendar.h"
#include "common/expression/functions.h"
#include "common/expression/parser.h"
#include "common/expression/suggest.h"

namespace weir::expression {

using batch::DataType;
using batch::TypeKind;

namespace {

using Extractor = int64_t (*)(int64_t);
struct Field {
  std::string_view name;
  Extractor extract;
};

constexpr std::array<Field, 17> kFields = {{
    {"year", [](int64_t t) { return CivilOf(t).year; }},
    {"quarter", [](int64_t t) { return int64_t{(CivilOf(t).month - 1) / 3 + 1}; }},
    {"month", [](int64_t t) { return int64_t{CivilOf(t).month}; }},
    {"week",
     [](int64_t t) {
       int64_t year;
       int week;
       CivilOf(t).IsoWeek(&year, &week);
       return int64_t{week};
     }},
    {"isoyear",
     [](int64_t t) {
       int64_t year;
       int week;
       CivilOf(t).IsoWeek(&year, &week);
       return year;
     }},
    {"day", [](int64_t t) { return int64_t{CivilOf(t).day}; }},
    {"dayofmonth", [](int64_t t) { return int64_t{CivilOf(t).day}; }},
    {"doy", [](int64_t t) { return int64_t{CivilOf(t).day_of_year()}; }},
    {"dayofyear", [](int64_t t) { return int64_t{CivilOf(t).day_of_year()}; }},
    // 1 = Sunday, as in Flink; isodow: 1 = Monday.
    {"dow", [](int64_t t) { return int64_t{CivilOf(t).iso_weekday() % 7 + 1}; }},
    {"dayofweek", [](int64_t t) { return int64_t{CivilOf(t).iso_weekday() % 7 + 1}; }},
    {"isodow", [](int64_t t) { return int64_t{CivilOf(t).iso_weekday()}; }},
    {"hour",
     [](int64_t t) { return FloorDivide(t, kHourMicros) - FloorDivide(t, kDayLength) * 24; }},
    {"minute",
     [](int64_t t) { return FloorDivide(t, kMinuteMicros) - FloorDivide(t, kHourMicros) * 60; }},
    {"second",
     [](int64_t t) { return FloorDivide(t, kSecondMicros) - FloorDivide(t, kMinuteMicros) * 60; }},
    {"millisecond",
     [](int64_t t) { return (t - FloorDivide(t, kSecondMicros) * kSecondMicros) / 1000; }},
    {"microsecond", [](int64_t t) { return t - FloorDivide(t, kSecondMicros) * kSecondMicros; }},
}};

NodePtr MakeExtract(BoundCall& call, size_t arg, Extractor extract) {
  if (!call.WantTime(arg) || !call.WantKind(arg, TypeKind::kTimestamp)) return nullptr;
  return call.MakeOf({call.args[arg]}, DataType{TypeKind::kBigint},
                     [extract](KernelCall& c) { Map1<int64_t, int64_t>(c, extract); });
}

NodePtr BindExtract(BoundCall& call) {
  const batch::Column* unit = call.WantConstant(0, "the unit");
  if (unit == nullptr) return nullptr;
  std::string name(unit->text(0));
  if (name == "epoch")
    return MakeExtract(call, 1, [](int64_t t) { return FloorDivide(t, kSecondMicros); });
  std::vector<std::string> names = {"epoch"};
  for (const Field& field : kFields) {
    if (field.name == name) return MakeExtract(call, 1, field.extract);
    names.emplace_back(field.name);
  }
  return call.FailAt(0,
                     absl::StrCat("extract knows no unit `", name, "`", DidYouMean(name, names)));
}

NodePtr BindField(BoundCall& call) {
  for (const Field& field : kFields) {
    if (field.name == call.ast.name) return MakeExtract(call, 0, field.extract);
  }
  return nullptr;
}

// date_trunc(unit, ts): the beginning of its second, minute, … year. A date stays a date.
NodePtr BindTruncate(BoundCall& call) {
  if (!call.WantKind(0, TypeKind::kString) || !call.WantTime(1)) return nullptr;
  const batch::Column* constant = call.WantConstant(0, "the unit");
  if (constant == nullptr) return nullptr;
  std::string unit(constant->text(0));
  auto length = UnitLength(unit);
  if (!length) {
    return call.FailAt(
        0, absl::StrCat("date_trunc knows no unit `", unit, "`",
                        DidYouMean(unit, {"microsecond", "millisecond", "second", "minute", "hour",
                                          "day", "week", "month", "quarter", "year"})));
  }
  DataType type = call.type(1);
  bool date = type.kind == TypeKind::kDate;
  if (!call.WantKind(1, TypeKind::kTimestamp)) return nullptr;
  // Truncated times near the first that can be told must not wrap around.
  constexpr int64_t kFirst = INT64_MIN / 2, kLast = INT64_MAX / 2;
  Kernel kernel;
  if (length->months != 0) {
    kernel = [months = length->months](KernelCall& c) {
      Map1<int64_t, int64_t>(c, [months](int64_t t) {
        if (t < kFirst || t > kLast) return t;
        Civil civil = CivilOf(t);
        int month = months == 1 ? civil.month : months == 3 ? (civil.month - 1) / 3 * 3 + 1 : 1;
        return batch::DaysFromCivil(civil.year, month, 1) * kDayLength;
      });
    };
  } else {
    // Weeks begin on Monday; 1970-01-01 was a Thursday.
    int64_t shift = length->micros == 7 * kDayLength ? 3 * kDayLength : 0;
    kernel = [unit = length->micros, shift](KernelCall& c) {
      Map1<int64_t, int64_t>(c, [unit, shift](int64_t t) {
        if (t < kFirst || t > kLast) return t;
        return FloorDivide(t + shift, unit) * unit - shift;
      });
    };
  }
  NodePtr truncated =
      call.MakeOf({call.args[1]}, DataType{TypeKind::kTimestamp}, std::move(kernel));
  if (!date) return truncated;
  auto cast = FindCast(DataType{TypeKind::kTimestamp}, DataType{TypeKind::kDate}, false);
  return call.MakeOf({Fold(truncated)}, DataType{TypeKind::kDate}, std::move(cast->kernel),
                     cast->flags);
}

// timestamp_millis(n) and its relations: n units since the epoch.
NodePtr BindFromNumber(BoundCall& call) {
  if (!call.WantKind(0, TypeKind::kBigint)) return nullptr;
  int64_t unit = call.ast.name == "timestamp_seconds"  ? kSecondMicros
                 : call.ast.name == "timestamp_millis" ? 1000
                                                       : 1;
  return call.Make(
      TypeKind::kTimestamp,
      [unit](KernelCall& c) {
        const int64_t* a = c.args[0].data<int64_t>();
        int64_t* out = c.out->mutable_data<int64_t>();
        bool bad = false;
        for (int64_t i = 0; i < c.rows; ++i) bad |= __builtin_mul_overflow(a[i], unit, &out[i]);
        for (int64_t i = 0; bad && i < c.rows; ++i) {
          int64_t ignored;
          if (__builtin_mul_overflow(a[i], unit, &ignored) && c.Live(i))
            c.Fail(i, "timestamp overflow");
        }
      },
      unit == 1 ? kPure : kMayFail);
}

NodePtr BindToNumber(BoundCall& call) {
  if (!call.WantTime(0) || !call.WantKind(0, TypeKind::kTimestamp)) return nullptr;
  int64_t unit = call.ast.name == "unix_seconds"  ? kSecondMicros
                 : call.ast.name == "unix_millis" ? 1000
                                                  : 1;
  return call.Make(TypeKind::kBigint, [unit](KernelCall& c) {
    Map1<int64_t, int64_t>(c, [unit](int64_t t) { return FloorDivide(t, unit); });
  });
}

}  // namespace

void AddTime(FunctionTable* table) {
  (*table)["extract"] = {2, 2, BindExtract, "extract(unit FROM ts)"};
  for (const char* name : {"year", "quarter", "month", "week", "dayofyear", "dayofmonth",
                           "dayofweek", "day", "hour", "minute", "second"}) {
    (*table)[name] = {1, 1, BindField, "unit(ts), as in hour(ts)"};
  }
  (*table)["date_trunc"] = {2, 2, BindTruncate, "date_trunc('hour', ts)"};
  for (const char* name : {"timestamp_seconds", "timestamp_millis", "timestamp_micros"}) {
    (*table)[name] = {1, 1, BindFromNumber, "timestamp_millis(n)"};
  }
  for (const char* name : {"unix_seconds", "unix_millis", "unix_micros"}) {
    (*table)[name] = {1, 1, BindToNumber, "unix_millis(ts)"};
  }
}

}  // namespace weir::expression
