// Operators + - * / % and the sign.
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/expression/decimal_math.h"
#include "common/expression/functions.h"

namespace weir::expression {

using batch::DataType;
using batch::Decimal;
using batch::TypeKind;

NodePtr BindTimeArithmetic(BoundCall& call);

namespace {

std::string Overflow(TypeKind kind) {
  switch (kind) {
    case TypeKind::kInt:
      return "int overflow";
    case TypeKind::kBigint:
      return "bigint overflow";
    case TypeKind::kDecimal:
      return "decimal overflow";
    default:
      return "double overflow";
  }
}
template <typename T>
constexpr TypeKind KindOf() {
  return sizeof(T) == 4 ? TypeKind::kInt : TypeKind::kBigint;
}

// The result is computed for all rows with wrap-around first; rows are looked at one by one only
// when any overflowed.
template <typename T, typename F>
void Checked(KernelCall& c, F overflows) {
  bool any = false;
  const T* a = c.args[0].data<T>();
  const T* b = c.args[1].data<T>();
  T* out = c.out->mutable_data<T>();
  auto loop = [&](auto left, auto right) {
    bool bad = false;
    for (int64_t i = 0; i < c.rows; ++i) bad |= overflows(left(i), right(i), &out[i]);
    any = bad;
  };
  auto flat_a = [a](int64_t i) { return a[i]; };
  auto flat_b = [b](int64_t i) { return b[i]; };
  const T x = a[0], y = b[0];
  if (c.args[0].constant()) {
    loop([x](int64_t) { return x; }, flat_b);
  } else if (c.args[1].constant()) {
    loop(flat_a, [y](int64_t) { return y; });
  } else {
    loop(flat_a, flat_b);
  }
  if (!any) return;
  for (int64_t i = 0; i < c.rows; ++i) {
    T ignored;
    if (overflows(c.args[0].at<T>(i), c.args[1].at<T>(i), &ignored) && c.Live(i))
      c.Fail(i, Overflow(KindOf<T>()));
  }
}

template <typename T>
Kernel IntegerKernel(char op) {
  switch (op) {
    case '+':
      return [](KernelCall& c) {
        Checked<T>(c, [](T a, T b, T* r) { return __builtin_add_overflow(a, b, r); });
      };
    case '-':
      return [](KernelCall& c) {
        Checked<T>(c, [](T a, T b, T* r) { return __builtin_sub_overflow(a, b, r); });
      };
    case '*':
      return [](KernelCall& c) {
        Checked<T>(c, [](T a, T b, T* r) { return __builtin_mul_overflow(a, b, r); });
      };
    default:
      break;
  }
  bool divide = op == '/';
  return [divide](KernelCall& c) {
    T* out = c.out->mutable_data<T>();
    for (int64_t i = 0; i < c.rows; ++i) {
      const T a = c.args[0].at<T>(i), b = c.args[1].at<T>(i);
      if (b == 0 || b == -1) {
        out[i] = 0;
        if (b == -1 && divide) {
          if (a == std::numeric_limits<T>::min()) {
            if (c.Live(i)) c.Fail(i, Overflow(KindOf<T>()));
          } else {
            out[i] = static_cast<T>(-a);
          }
        } else if (b == 0 && c.Live(i)) {
          c.Fail(i, "division by zero");
        }
      } else {
        out[i] = divide ? a / b : a % b;
      }
    }
  };
}

Kernel DoubleKernel(char op) {
  auto checked = [](auto f) -> Kernel {
    return [f](KernelCall& c) {
      Map2<double, double, double>(c, f);
      const double* out = c.out->data<double>();
      double sum = 0;
      for (int64_t i = 0; i < c.rows; ++i)
        sum += out[i] - out[i];  // 0, or NaN when one is not finite
      if (sum == 0) return;
      for (int64_t i = 0; i < c.rows; ++i) {
        if (std::isinf(out[i]) && std::isfinite(c.args[0].at<double>(i)) &&
            std::isfinite(c.args[1].at<double>(i)) && c.Live(i)) {
          c.Fail(i, Overflow(TypeKind::kDouble));
        }
      }
    };
  };
  switch (op) {
    case '+':
      return checked([](double a, double b) { return a + b; });
    case '-':
      return checked([](double a, double b) { return a - b; });
    case '*':
      return checked([](double a, double b) { return a * b; });
    default:
      break;
  }
  bool divide = op == '/';
  return [divide](KernelCall& c) {
    double* out = c.out->mutable_data<double>();
    for (int64_t i = 0; i < c.rows; ++i) {
      const double a = c.args[0].at<double>(i), b = c.args[1].at<double>(i);
      if (b == 0) {
        out[i] = 0;
        if (c.Live(i)) c.Fail(i, "division by zero");
        continue;
      }
      out[i] = divide ? a / b : std::fmod(a, b);
      if (std::isinf(out[i]) && std::isfinite(a) && c.Live(i))
        c.Fail(i, Overflow(TypeKind::kDouble));
    }
  };
}

using DecimalOp = bool (*)(Decimal, int, Decimal, int, int, int, Decimal*);

// The way through 256 bits: right for all operands.
Kernel WideDecimalKernel(DecimalOp op, DataType a, DataType b, DataType result, bool divides) {
  return [=](KernelCall& c) {
    Decimal* out = c.out->mutable_data<Decimal>();
    ForLive(c, [&](int64_t i) {
      const Decimal x = c.args[0].at<Decimal>(i), y = c.args[1].at<Decimal>(i);
      if (divides && y == 0) {
        c.Fail(i, "division by zero");
      } else if (!op(x, a.scale, y, b.scale, result.precision, result.scale, &out[i])) {
        out[i] = 0;
        c.Fail(i, Overflow(TypeKind::kDecimal));
      }
    });
  };
}

bool ModuloDecimals(Decimal a, int as, Decimal b, int bs, int precision, int scale, Decimal* out) {
  int common = std::max(as, bs);
  Decimal x, y, rest;
  if (!RescaleDecimal(a, as, 38, common, &x) || !RescaleDecimal(b, bs, 38, common, &y))
    return false;
  rest = x % y;
  return RescaleDecimal(rest, common, precision, scale, out);
}

// Sums and differences of decimals that cannot overflow: plain 128-bit arithmetic.
Kernel NarrowSumKernel(DataType a, DataType b, DataType result, bool subtract) {
  Decimal fa = PowerOfTen(result.scale - a.scale);
  Decimal fb = PowerOfTen(result.scale - b.scale) * (subtract ? -1 : 1);
  if (fa == 1 && fb == 1)
    return [](KernelCall& c) {
      Map2<Decimal, Decimal, Decimal>(c, [](Decimal x, Decimal y) { return x + y; });
    };
  return [fa, fb](KernelCall& c) {
    Map2<Decimal, Decimal, Decimal>(c, [fa, fb](Decimal x, Decimal y) { return x * fa + y * fb; });
  };
}

NodePtr BindDecimal(BoundCall& call, char op) {
  for (size_t i = 0; i < 2; ++i) {
    if (!call.Want(i, AsDecimal(call.type(i)))) return nullptr;
  }
  const DataType a = call.type(0), b = call.type(1);
  int whole = std::max(a.precision - a.scale, b.precision - b.scale) + 1;
  switch (op) {
    case '+':
    case '-': {
      DataType type = AddType(a, b);
      if (whole + std::max(a.scale, b.scale) <= 38)
        return call.Make(type, NarrowSumKernel(a, b, type, op == '-'));
      DecimalOp subtract = [](Decimal x, int xs, Decimal y, int ys, int p, int s, Decimal* r) {
        return AddDecimals(x, xs, -y, ys, p, s, r);
      };
      return call.Make(type,
                       WideDecimalKernel(op == '+' ? AddDecimals : subtract, a, b, type, false),
                       kMayFail | kPartial);
    }
    case '*': {
      DataType type = MultiplyType(a, b);
      if (a.precision + b.precision <= 37) {
        return call.Make(type, [](KernelCall& c) {
          Map2<Decimal, Decimal, Decimal>(c, [](Decimal x, Decimal y) { return x * y; });
        });
      }
      return call.Make(type, WideDecimalKernel(MultiplyDecimals, a, b, type, false),
                       kMayFail | kPartial);
    }
    case '/': {
      DataType type = DivideType(a, b);
      return call.Make(type, WideDecimalKernel(DivideDecimals, a, b, type, true),
                       kMayFail | kPartial);
    }
    default: {
      DataType type = ModuloType(a, b);
      return call.Make(type, WideDecimalKernel(ModuloDecimals, a, b, type, true),
                       kMayFail | kPartial);
    }
  }
}

NodePtr BindArithmetic(BoundCall& call) {
  char op = call.ast.name == "mod" ? '%' : call.ast.name[0];
  for (size_t i = 0; i < 2; ++i) {
    if (call.args[i] == nullptr || call.kind(i) == TypeKind::kTimestamp ||
        call.kind(i) == TypeKind::kDate) {
      return BindTimeArithmetic(call);
    }
  }
  for (size_t i = 0; i < 2; ++i) {
    if (call.kind(i) == TypeKind::kString && op == '+')
      return call.FailAt(i, "`+` adds numbers; strings are joined by `||`");
    if (!call.Untyped(i) && !call.WantNumber(i)) return nullptr;
  }
  for (size_t i = 0; i < 2; ++i) {  // NULL takes the other side's type
    DataType other = call.type(1 - i);
    if (call.Untyped(i) && !call.Want(i, other.kind == kUntyped ? DataType{TypeKind::kInt} : other))
      return nullptr;
  }
  TypeKind a = call.kind(0), b = call.kind(1);
  if (a == TypeKind::kDouble || b == TypeKind::kDouble) {
    if (!call.WantAll(TypeKind::kDouble)) return nullptr;
    return call.Make(TypeKind::kDouble, DoubleKernel(op), kMayFail);
  }
  if (a == TypeKind::kDecimal || b == TypeKind::kDecimal) return BindDecimal(call, op);
  if (a == TypeKind::kBigint || b == TypeKind::kBigint) {
    if (!call.WantAll(TypeKind::kBigint)) return nullptr;
    return call.Make(TypeKind::kBigint, IntegerKernel<int64_t>(op), kMayFail);
  }
  return call.Make(TypeKind::kInt, IntegerKernel<int32_t>(op), kMayFail);
}

template <typename T>
Kernel NegateInteger(bool only_negative) {
  return [only_negative](KernelCall& c) {
    const T* a = c.args[0].data<T>();
    T* out = c.out->mutable_data<T>();
    bool lowest = false;
    for (int64_t i = 0; i < c.rows; ++i) {
      lowest |= a[i] == std::numeric_limits<T>::min();
      using U = std::make_unsigned_t<T>;
      out[i] = only_negative && a[i] >= 0 ? a[i] : static_cast<T>(U{0} - static_cast<U>(a[i]));
    }
    for (int64_t i = 0; lowest && i < c.rows; ++i) {
      if (a[i] == std::numeric_limits<T>::min() && c.Live(i)) c.Fail(i, Overflow(KindOf<T>()));
    }
  };
}

NodePtr BindSign(BoundCall& call) {
  if (!call.WantNumber(0)) return nullptr;
  if (call.ast.name == "plus") return call.args[0];
  bool absolute = call.ast.name == "abs";
  switch (call.kind(0)) {
    case TypeKind::kInt:
      return call.Make(TypeKind::kInt, NegateInteger<int32_t>(absolute), kMayFail);
    case TypeKind::kBigint:
      return call.Make(TypeKind::kBigint, NegateInteger<int64_t>(absolute), kMayFail);
    case TypeKind::kDecimal:
      return call.Make(call.type(0), [absolute](KernelCall& c) {
        Map1<Decimal, Decimal>(c, [absolute](Decimal a) { return absolute && a >= 0 ? a : -a; });
      });
    default:
      return call.Make(TypeKind::kDouble, [absolute](KernelCall& c) {
        Map1<double, double>(c, [absolute](double a) { return absolute ? std::fabs(a) : -a; });
      });
  }
}

}  // namespace

void AddArithmetic(FunctionTable* table) {
  for (const char* name : {"+", "-", "*", "/", "%"}) (*table)[name] = {2, 2, BindArithmetic, ""};
  (*table)["mod"] = {2, 2, BindArithmetic, "mod(a, b)"};
  (*table)["negate"] = {1, 1, BindSign, ""};
  (*table)["plus"] = {1, 1, BindSign, ""};
  (*table)["abs"] = {1, 1, BindSign, "abs(x)"};
}

}  // namespace weir::expression
