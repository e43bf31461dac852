// Functions of numbers: powers, logarithms, angles, rounding, sign.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/expression/decimal_math.h"
#include "common/expression/functions.h"

namespace weir::expression {

using batch::DataType;
using batch::Decimal;
using batch::TypeKind;

namespace {

struct DoubleFunction {
  const char* name;
  double (*f)(double);
  const char* domain;  // what the argument must be; null: anything
};

double Degrees(double x) { return x * (180.0 / M_PI); }
double Radians(double x) { return x * (M_PI / 180.0); }

constexpr DoubleFunction kDoubleFunctions[] = {
    {"sqrt", [](double x) { return std::sqrt(x); }, "sqrt of a negative number"},
    {"cbrt", [](double x) { return std::cbrt(x); }, nullptr},
    {"exp", [](double x) { return std::exp(x); }, nullptr},
    {"ln", [](double x) { return x > 0 ? std::log(x) : std::nan(""); },
     "logarithm of a number that is not positive"},
    {"log10", [](double x) { return x > 0 ? std::log10(x) : std::nan(""); },
     "logarithm of a number that is not positive"},
    {"log2", [](double x) { return x > 0 ? std::log2(x) : std::nan(""); },
     "logarithm of a number that is not positive"},
    {"sin", [](double x) { return std::sin(x); }, nullptr},
    {"cos", [](double x) { return std::cos(x); }, nullptr},
    {"tan", [](double x) { return std::tan(x); }, nullptr},
    {"asin", [](double x) { return std::asin(x); }, "asin of a number outside -1 to 1"},
    {"acos", [](double x) { return std::acos(x); }, "acos of a number outside -1 to 1"},
    {"atan", [](double x) { return std::atan(x); }, nullptr},
    {"degrees", Degrees, nullptr},
    {"radians", Radians, nullptr},
};

NodePtr BindDouble(BoundCall& call) {
  if (!call.WantNumber(0) || !call.WantKind(0, TypeKind::kDouble)) return nullptr;
  for (const DoubleFunction& entry : kDoubleFunctions) {
    if (call.ast.name != entry.name) continue;
    return call.Make(
        TypeKind::kDouble,
        [entry](KernelCall& c) {
          double* out = c.out->mutable_data<double>();
          ForLive(c, [&](int64_t i) {
            const double x = c.args[0].at<double>(i);
            out[i] = entry.f(x);
            if (std::isfinite(out[i]) || !std::isfinite(x)) return;
            c.Fail(i, std::isnan(out[i]) && entry.domain != nullptr ? entry.domain
                                                                    : "double overflow");
          });
        },
        kMayFail | kPartial);
  }
  return nullptr;
}

NodePtr BindDouble2(BoundCall& call) {
  for (size_t i = 0; i < 2; ++i) {
    if (!call.WantNumber(i) || !call.WantKind(i, TypeKind::kDouble)) return nullptr;
  }
  using F = double (*)(double, double);
  F f = call.ast.name == "atan2" ? F([](double a, double b) { return std::atan2(a, b); })
        : call.ast.name == "log" ? F([](double base, double x) {
            return base > 0 && base != 1 && x > 0 ? std::log(x) / std::log(base) : std::nan("");
          })
                                 : F([](double a, double b) { return std::pow(a, b); });
  return call.Make(
      TypeKind::kDouble,
      [f](KernelCall& c) {
        double* out = c.out->mutable_data<double>();
        ForLive(c, [&](int64_t i) {
          const double a = c.args[0].at<double>(i), b = c.args[1].at<double>(i);
          out[i] = f(a, b);
          if (std::isfinite(out[i]) || !std::isfinite(a) || !std::isfinite(b)) return;
          c.Fail(i, std::isnan(out[i]) ? "the result is no real number" : "double overflow");
        });
      },
      kMayFail | kPartial);
}

NodePtr BindPi(BoundCall& call) {
  return std::make_shared<ConstantNode>(
      batch::Column::Constant(DataType{TypeKind::kDouble, false, 0, 0}, 1, M_PI));
}

enum class Rounding { kHalfUp, kDown, kCeiling, kFloor };

Decimal RoundAway(Decimal value, Decimal unit, Rounding mode) {
  Decimal quotient = value / unit, rest = value % unit;
  switch (mode) {
    case Rounding::kHalfUp:
      if (Magnitude(rest) >= unit - Magnitude(rest)) quotient += value < 0 ? -1 : 1;
      break;
    case Rounding::kCeiling:
      quotient += rest > 0 ? 1 : 0;
      break;
    case Rounding::kFloor:
      quotient -= rest < 0 ? 1 : 0;
      break;
    case Rounding::kDown:
      break;
  }
  return quotient;
}

double RoundDouble(double x, int digits, Rounding mode) {
  if (!std::isfinite(x)) return x;
  if (digits == 0) {
    switch (mode) {
      case Rounding::kHalfUp:
        return std::round(x);
      case Rounding::kDown:
        return std::trunc(x);
      case Rounding::kCeiling:
        return std::ceil(x);
      case Rounding::kFloor:
        return std::floor(x);
    }
  }
  if (digits > 15 || digits < -15) return digits > 0 ? x : 0;
  // Through the shortest decimal text where that fits, so that round(1.005, 2) is 1.01 as people
  // read it.
  Decimal exact;
  if (DoubleToDecimal(x, 38, 17, &exact) && std::fabs(x) < 1e15 && std::fabs(x) > 1e-2) {
    Decimal rounded = RoundAway(exact, PowerOfTen(17 - digits), mode);
    return digits >= 0 ? DecimalToDouble(rounded, digits)
                       : static_cast<double>(rounded * PowerOfTen(-digits));
  }
  double factor = std::pow(10.0, digits);
  double scaled = x * factor;
  if (!std::isfinite(scaled)) return x;
  return (mode == Rounding::kDown ? std::trunc(scaled) : std::round(scaled)) / factor;
}

template <typename T>
NodePtr RoundInteger(BoundCall& call, DataType type, int digits, Rounding mode) {
  if (digits >= 0) return call.args[0];
  Decimal unit = PowerOfTen(std::min(-digits, 30));
  return call.MakeOf(
      {call.args[0]}, type,
      [unit, mode](KernelCall& c) {
        T* out = c.out->mutable_data<T>();
        ForLive(c, [&](int64_t i) {
          Decimal rounded = RoundAway(c.args[0].at<T>(i), unit, mode) * unit;
          out[i] = static_cast<T>(rounded);
          if (out[i] != rounded) c.Fail(i, sizeof(T) == 4 ? "int overflow" : "bigint overflow");
        });
      },
      kMayFail | kPartial);
}

NodePtr BindRound(BoundCall& call) {
  if (!call.WantNumber(0)) return nullptr;
  const std::string& name = call.ast.name;
  Rounding mode = name == "round"                       ? Rounding::kHalfUp
                  : name == "floor"                     ? Rounding::kFloor
                  : name == "ceil" || name == "ceiling" ? Rounding::kCeiling
                                                        : Rounding::kDown;
  int digits = 0;
  if (call.size() > 1) {
    if (!call.WantKind(1, TypeKind::kInt)) return nullptr;
    const batch::Column* value = call.WantConstant(1, "the number of digits");
    if (value == nullptr) return nullptr;
    digits = std::clamp(value->at<int32_t>(0), -60, 60);
  }
  const DataType type = call.type(0);
  switch (type.kind) {
    case TypeKind::kInt:
      return RoundInteger<int32_t>(call, type, digits, mode);
    case TypeKind::kBigint:
      return RoundInteger<int64_t>(call, type, digits, mode);
    case TypeKind::kDouble:
      return call.MakeOf({call.args[0]}, type, [digits, mode](KernelCall& c) {
        Map1<double, double>(c, [digits, mode](double x) { return RoundDouble(x, digits, mode); });
      });
    default:
      break;
  }
  if (digits >= type.scale) return call.args[0];
  int scale = std::max(digits, 0);
  bool carries = mode != Rounding::kDown;  // 9.5 rounds to 10: a digit more
  int precision = std::clamp(type.precision - type.scale + scale + (carries ? 1 : 0), 1, 38);
  DataType result = DecimalType(precision, scale);
  int drop = type.scale - digits;
  if (drop > 38) {
    return call.MakeOf({call.args[0]}, result, [](KernelCall& c) {
      Map1<Decimal, Decimal>(c, [](Decimal) { return Decimal{0}; });
    });
  }
  Decimal unit = PowerOfTen(drop), factor = PowerOfTen(scale - digits);
  return call.MakeOf(
      {call.args[0]}, result,
      [=](KernelCall& c) {
        Decimal* out = c.out->mutable_data<Decimal>();
        ForLive(c, [&](int64_t i) {
          Decimal rounded = RoundAway(c.args[0].at<Decimal>(i), unit, mode);
          if (!FitsPrecision(rounded, 38 - std::max(0, scale - digits)) ||
              !FitsPrecision(rounded * factor, precision)) {
            c.Fail(i, "decimal overflow");
          } else {
            out[i] = rounded * factor;
          }
        });
      },
      kMayFail | kPartial);
}

template <typename T>
Kernel SignKernel(T one) {
  return [one](KernelCall& c) {
    Map1<T, T>(c, [one](T x) { return x > 0 ? one : x < 0 ? static_cast<T>(-one) : T{0}; });
  };
}

NodePtr BindSignum(BoundCall& call) {
  if (!call.WantNumber(0)) return nullptr;
  const DataType type = call.type(0);
  switch (type.kind) {
    case TypeKind::kInt:
      return call.Make(type, SignKernel<int32_t>(1));
    case TypeKind::kBigint:
      return call.Make(type, SignKernel<int64_t>(1));
    case TypeKind::kDouble:
      return call.Make(type, SignKernel<double>(1));
    default:
      break;
  }
  if (type.precision == type.scale) {  // 1 would not fit
    if (!call.Want(0, DecimalType(std::min(38, type.precision + 1), std::min<int>(type.scale, 37))))
      return nullptr;
  }
  return call.Make(call.type(0), SignKernel<Decimal>(PowerOfTen(call.type(0).scale)));
}

}  // namespace

void AddMath(FunctionTable* table) {
  for (const DoubleFunction& entry : kDoubleFunctions)
    (*table)[entry.name] = {1, 1, BindDouble, "f(x)"};
  (*table)["log"] = {2, 2, BindDouble2, "log(base, x)"};
  (*table)["power"] = {2, 2, BindDouble2, "power(base, exponent)"};
  (*table)["pow"] = {2, 2, BindDouble2, "pow(base, exponent)"};
  (*table)["atan2"] = {2, 2, BindDouble2, "atan2(y, x)"};
  (*table)["pi"] = {0, 0, BindPi, "pi()"};
}

void AddRounding(FunctionTable* table) {
  (*table)["round"] = {1, 2, BindRound, "round(x[, digits])"};
  (*table)["truncate"] = {1, 2, BindRound, "truncate(x[, digits])"};
  (*table)["trunc"] = {1, 2, BindRound, "trunc(x[, digits])"};
  (*table)["ceil"] = {1, 1, BindRound, "ceil(x)"};
  (*table)["ceiling"] = {1, 1, BindRound, "ceiling(x)"};
  (*table)["floor"] = {1, 1, BindRound, "floor(x)"};
  (*table)["sign"] = {1, 1, BindSignum, "sign(x)"};
}

}  // namespace weir::expression
