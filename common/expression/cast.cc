// CAST, TRY_CAST and the conversions that widening inserts.
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/expression/decimal_math.h"
#include "common/expression/functions.h"
#include "common/expression/lexer.h"
#include "common/expression/text.h"

namespace weir::expression {

using batch::Column;
using batch::DataType;
using batch::Decimal;
using batch::StringRef;
using batch::TypeKind;

namespace {

constexpr int64_t kDayMicros = 86'400'000'000;

std::string Shown(std::string_view text) {
  std::string out = "'";
  for (char c : text.substr(0, 40)) out.push_back(static_cast<unsigned char>(c) < 0x20 ? '?' : c);
  return out + (text.size() > 40 ? "…'" : "'");
}

// Row by row: `convert(value, &result)` says whether there is a result.
template <typename A, typename R, typename F>
CastKernel Row(const DataType& to, bool try_cast, F convert) {
  std::string type = TypeName(to);
  Kernel kernel = [=](KernelCall& c) {
    R* out = c.out->mutable_data<R>();
    ForLive(c, [&](int64_t i) {
      const A& a = c.args[0].at<A>(i);
      if (convert(a, &out[i])) return;
      out[i] = R{};
      if (try_cast) {
        c.SetNull(i);
      } else if constexpr (std::is_same_v<A, StringRef>) {
        c.Fail(i, absl::StrCat("cannot convert ", Shown(a.view()), " to ", type));
      } else {
        Column one = Column::Constant(c.args[0].type(), 1, a);
        c.Fail(i, absl::StrCat(batch::ValueToString(one, 0), " does not fit ", type));
      }
    });
  };
  return {std::move(kernel), (try_cast ? kMayNull : kMayFail) | kPartial};
}

template <typename A, typename R, typename F>
CastKernel Always(F convert) {
  return {[convert](KernelCall& c) { Map1<A, R>(c, convert); }, kPure};
}

template <typename R>
bool DoubleToInteger(double value, R* out) {
  // Both bounds are exact as doubles: 2^31 and 2^63.
  constexpr double kBound = sizeof(R) == 4 ? 2147483648.0 : 9223372036854775808.0;
  double whole = std::trunc(value);
  if (!(whole >= -kBound && whole < kBound)) return false;
  *out = static_cast<R>(whole);
  return true;
}

template <typename R>
bool DecimalToInteger(Decimal value, int scale, R* out) {
  Decimal whole = value / PowerOfTen(scale);
  if (whole < std::numeric_limits<R>::min() || whole > std::numeric_limits<R>::max()) return false;
  *out = static_cast<R>(whole);
  return true;
}

// A number's text may stand between spaces and have a plus sign, as in Flink and PostgreSQL.
std::string_view NumberText(const StringRef& text) {
  std::string_view view = TrimSpaces(text.view());
  if (view.size() > 1 && view[0] == '+' && view[1] != '-') view.remove_prefix(1);
  return view;
}

template <typename R>
bool TextToNumber(const StringRef& text, R* out) {
  std::string_view view = NumberText(text);
  auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), *out);
  return error == std::errc() && end == view.data() + view.size() && !view.empty();
}

bool TextToBoolean(const StringRef& text, uint8_t* out) {
  std::string word = Lower(TrimSpaces(text.view()));
  bool yes = word == "true" || word == "t" || word == "yes" || word == "y" || word == "1";
  bool no = word == "false" || word == "f" || word == "no" || word == "n" || word == "0";
  *out = yes;
  return yes || no;
}

std::optional<CastKernel> FromText(const DataType& to, bool try_cast) {
  switch (to.kind) {
    case TypeKind::kBoolean:
      return Row<StringRef, uint8_t>(to, try_cast, TextToBoolean);
    case TypeKind::kInt:
      return Row<StringRef, int32_t>(to, try_cast, TextToNumber<int32_t>);
    case TypeKind::kBigint:
      return Row<StringRef, int64_t>(to, try_cast, TextToNumber<int64_t>);
    case TypeKind::kDouble:
      return Row<StringRef, double>(to, try_cast, TextToNumber<double>);
    case TypeKind::kDecimal:
      return Row<StringRef, Decimal>(
          to, try_cast, [p = to.precision, s = to.scale](const StringRef& text, Decimal* out) {
            auto value = batch::ParseDecimal(NumberText(text), p, s);
            if (value) *out = *value;
            return value.has_value();
          });
    case TypeKind::kTimestamp:
      return Row<StringRef, int64_t>(to, try_cast, [](const StringRef& text, int64_t* out) {
        std::string_view view = TrimSpaces(text.view());
        auto value = batch::ParseTimestamp(view);
        if (!value) {
          auto days = batch::ParseDate(view);
          if (days) value = *days * kDayMicros;
        }
        if (value) *out = *value;
        return value.has_value();
      });
    case TypeKind::kDate:
      return Row<StringRef, int32_t>(to, try_cast, [](const StringRef& text, int32_t* out) {
        auto value = batch::ParseDate(TrimSpaces(text.view()));
        if (value) *out = *value;
        return value.has_value();
      });
    case TypeKind::kBytes:
      return CastKernel{[](KernelCall& c) {
                          Map1<StringRef, StringRef>(c, [](const StringRef& a) { return a; });
                          c.KeepBytes(0);
                        },
                        kPure};
    case TypeKind::kString:
      break;
  }
  return std::nullopt;
}

std::optional<CastKernel> ToText(const DataType& from, const DataType& to, bool try_cast) {
  if (from.kind == TypeKind::kBytes) {
    CastKernel cast =
        Row<StringRef, StringRef>(to, try_cast, [](const StringRef& bytes, StringRef* out) {
          *out = bytes;
          return IsUtf8(bytes.view());
        });
    cast.kernel = [row = std::move(cast.kernel)](KernelCall& c) {
      row(c);
      c.KeepBytes(0);
    };
    return cast;
  }
  if (IsInteger(from.kind)) {
    bool narrow = from.kind == TypeKind::kInt;
    return CastKernel{[narrow](KernelCall& c) {
                        char buffer[32];
                        ForLive(c, [&](int64_t i) {
                          int64_t value =
                              narrow ? c.args[0].at<int32_t>(i) : c.args[0].at<int64_t>(i);
                          char* end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
                          c.SetCopy(i, {buffer, static_cast<size_t>(end - buffer)});
                        });
                      },
                      kPartial};
  }
  return CastKernel{[](KernelCall& c) {
                      ForLive(c,
                              [&](int64_t i) { c.SetCopy(i, batch::ValueToString(c.args[0], i)); });
                    },
                    kPartial};
}

template <typename A>
std::optional<CastKernel> FromInteger(const DataType& to, bool try_cast) {
  switch (to.kind) {
    case TypeKind::kBoolean:
      return Always<A, uint8_t>([](A a) { return static_cast<uint8_t>(a != 0); });
    case TypeKind::kInt:
      return Row<A, int32_t>(to, try_cast, [](A a, int32_t* out) {
        return *out = static_cast<int32_t>(a), *out == a;
      });
    case TypeKind::kBigint:
      return Always<A, int64_t>([](A a) { return int64_t{a}; });
    case TypeKind::kDouble:
      return Always<A, double>([](A a) { return static_cast<double>(a); });
    case TypeKind::kDecimal: {
      Decimal factor = PowerOfTen(to.scale);
      int digits = sizeof(A) == 4 ? 10 : 19;
      if (to.precision - to.scale >= digits)
        return Always<A, Decimal>([factor](A a) { return a * factor; });
      Decimal bound = PowerOfTen(to.precision - to.scale);
      return Row<A, Decimal>(to, try_cast, [factor, bound](A a, Decimal* out) {
        *out = a * factor;
        return a < bound && a > -bound;
      });
    }
    default:
      return std::nullopt;
  }
}

std::optional<CastKernel> FromDouble(const DataType& to, bool try_cast) {
  switch (to.kind) {
    case TypeKind::kBoolean:
      return Always<double, uint8_t>([](double a) { return static_cast<uint8_t>(a != 0); });
    case TypeKind::kInt:
      return Row<double, int32_t>(to, try_cast, DoubleToInteger<int32_t>);
    case TypeKind::kBigint:
      return Row<double, int64_t>(to, try_cast, DoubleToInteger<int64_t>);
    case TypeKind::kDecimal:
      return Row<double, Decimal>(to, try_cast,
                                  [p = to.precision, s = to.scale](double a, Decimal* out) {
                                    return DoubleToDecimal(a, p, s, out);
                                  });
    default:
      return std::nullopt;
  }
}

std::optional<CastKernel> FromDecimal(const DataType& from, const DataType& to, bool try_cast) {
  int scale = from.scale;
  switch (to.kind) {
    case TypeKind::kBoolean:
      return Always<Decimal, uint8_t>([](Decimal a) { return static_cast<uint8_t>(a != 0); });
    case TypeKind::kInt:
      return Row<Decimal, int32_t>(to, try_cast, [scale](Decimal a, int32_t* out) {
        return DecimalToInteger(a, scale, out);
      });
    case TypeKind::kBigint:
      return Row<Decimal, int64_t>(to, try_cast, [scale](Decimal a, int64_t* out) {
        return DecimalToInteger(a, scale, out);
      });
    case TypeKind::kDouble:
      return Always<Decimal, double>([scale](Decimal a) { return DecimalToDouble(a, scale); });
    case TypeKind::kDecimal: {
      int whole = from.precision - from.scale;
      if (to.scale >= from.scale && to.precision - to.scale >= whole) {
        Decimal factor = PowerOfTen(to.scale - from.scale);
        return Always<Decimal, Decimal>([factor](Decimal a) { return a * factor; });
      }
      return Row<Decimal, Decimal>(
          to, try_cast, [scale, p = to.precision, s = to.scale](Decimal a, Decimal* out) {
            return RescaleDecimal(a, scale, p, s, out);
          });
    }
    default:
      return std::nullopt;
  }
}

NodePtr BindCast(BoundCall& call) {
  const DataType& to = call.ast.type;
  DataType from = call.type(0);
  if (from.kind == kUntyped || batch::SameType(from, to)) return Widen(call.args[0], to, "");
  bool try_cast = call.ast.name == "try_cast";
  auto cast = FindCast(from, to, try_cast);
  if (!cast) {
    bool number_time = (IsNumeric(from.kind) && to.kind == TypeKind::kTimestamp) ||
                       (from.kind == TypeKind::kTimestamp && IsNumeric(to.kind));
    return call.Fail(
        absl::StrCat("there is no cast from ", TypeName(from), " to ", TypeName(to),
                     number_time ? "; use timestamp_millis(n) and unix_millis(ts)" : ""));
  }
  return call.Make(to, std::move(cast->kernel), cast->flags);
}

}  // namespace

std::optional<CastKernel> FindCast(const DataType& from, const DataType& to, bool try_cast) {
  if (to.kind == TypeKind::kString && from.kind != TypeKind::kString)
    return ToText(from, to, try_cast);
  switch (from.kind) {
    case TypeKind::kString:
      return FromText(to, try_cast);
    case TypeKind::kInt:
      return FromInteger<int32_t>(to, try_cast);
    case TypeKind::kBigint:
      return FromInteger<int64_t>(to, try_cast);
    case TypeKind::kDouble:
      return FromDouble(to, try_cast);
    case TypeKind::kDecimal:
      return FromDecimal(from, to, try_cast);
    case TypeKind::kBoolean:
      if (to.kind == TypeKind::kInt)
        return Always<uint8_t, int32_t>([](uint8_t a) { return int32_t{a}; });
      if (to.kind == TypeKind::kBigint)
        return Always<uint8_t, int64_t>([](uint8_t a) { return int64_t{a}; });
      return std::nullopt;
    case TypeKind::kTimestamp:
      if (to.kind != TypeKind::kDate) return std::nullopt;
      return Always<int64_t, int32_t>(
          [](int64_t a) { return static_cast<int32_t>(a / kDayMicros - (a % kDayMicros < 0)); });
    case TypeKind::kDate:
      if (to.kind != TypeKind::kTimestamp) return std::nullopt;
      return Row<int32_t, int64_t>(to, try_cast, [](int32_t a, int64_t* out) {
        return !__builtin_mul_overflow(int64_t{a}, kDayMicros, out);
      });
    case TypeKind::kBytes:
      break;
  }
  return std::nullopt;
}

void AddCasts(FunctionTable* table) {
  (*table)["cast"] = {1, 1, BindCast, ""};
  (*table)["try_cast"] = {1, 1, BindCast, ""};
}

}  // namespace weir::expression
