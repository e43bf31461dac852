#include "taskmanager/operator/window/accumulators.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "common/base/check.h"

namespace weir::taskmanager {
namespace {

using batch::Column;
using batch::Decimal;
using batch::StringRef;
using batch::TypeKind;
using expression::AggregateFunction;

/// Rows may lie at any address: those read from disk are not aligned.
template <typename T>
T Load(const std::byte* from) {
  T v;
  std::memcpy(&v, from, sizeof(T));
  return v;
}
template <typename T>
void Add(std::byte* to, T v) {
  v = static_cast<T>(Load<T>(to) + v);
  std::memcpy(to, &v, sizeof(T));
}

Accumulators::Kind KindOf(const plan::Aggregate& aggregate) {
  const TypeKind type = aggregate.argument_type.kind;
  switch (aggregate.function) {
    case AggregateFunction::kCountStar:
    case AggregateFunction::kCount: return Accumulators::Kind::kCount;
    case AggregateFunction::kCountDistinct: return Accumulators::Kind::kDistinct;
    case AggregateFunction::kSum:
    case AggregateFunction::kAvg:
      return type == TypeKind::kDouble ? Accumulators::Kind::kSumDouble : Accumulators::Kind::kSumExact;
    case AggregateFunction::kMin:
    case AggregateFunction::kMax:
      return batch::IsVariable(type) ? Accumulators::Kind::kMinMaxText : Accumulators::Kind::kMinMax;
  }
  return Accumulators::Kind::kCount;
}

/// Calls `f` with a function from row to exact value, of the column's type: decided once a batch.
template <typename F>
void WithExact(const Column& column, F&& f) {
  const char* values = column.data<char>();
  auto load = [&](auto zero) {
    return [values, &column](int64_t row) -> Decimal {
      decltype(zero) v;
      std::memcpy(&v, values + static_cast<size_t>(column.index(row)) * sizeof(v), sizeof(v));
      return v;
    };
  };
  switch (column.type().kind) {
    case TypeKind::kInt: return f(load(int32_t{}));
    case TypeKind::kBigint: return f(load(int64_t{}));
    default: return f(load(Decimal{}));
  }
}

template <typename T>
bool Less(T a, T b) {
  if constexpr (std::is_same_v<T, double>) {
    // NaN is above all others, as in PostgreSQL.
    if (std::isnan(a)) return false;
    if (std::isnan(b)) return true;
  }
  return a < b;
}

template <typename T>
void TakeMinMax(std::byte* row, T value, bool is_min) {
  T current;
  std::memcpy(&current, row, sizeof(T));
  auto* has = reinterpret_cast<uint8_t*>(row + 16);
  if (*has != 0 && !(is_min ? Less(value, current) : Less(current, value))) return;
  std::memcpy(row, &value, sizeof(T));
  *has = 1;
}

template <typename F>
void ForType(TypeKind kind, F&& f) {
  switch (kind) {
    case TypeKind::kBoolean: f(uint8_t{}); break;
    case TypeKind::kInt:
    case TypeKind::kDate: f(int32_t{}); break;
    case TypeKind::kBigint:
    case TypeKind::kTimestamp: f(int64_t{}); break;
    case TypeKind::kDouble: f(double{}); break;
    case TypeKind::kDecimal: f(Decimal{}); break;
    default: break;
  }
}

Decimal PowerOfTen(int n) {
  Decimal v = 1;
  for (; n > 0; --n) v *= 10;
  return v;
}

/// Nothing when the value has more than 38 digits.
bool FitsDecimal(Decimal v) {
  const Decimal limit = PowerOfTen(38) - 1;
  return v <= limit && v >= -limit;
}

/// sum / n with `digits` more digits, half away from zero. False on overflow.
bool DivideDecimal(Decimal sum, int64_t n, int digits, Decimal* out) {
  const Decimal factor = PowerOfTen(digits);
  const Decimal quotient = sum / n;
  Decimal rest = (sum % n) * factor;
  const Decimal half = rest < 0 ? -Decimal{n} : Decimal{n};
  rest = (rest * 2 + half) / (Decimal{n} * 2);
  return !__builtin_mul_overflow(quotient, factor, out) && !__builtin_add_overflow(*out, rest, out) &&
         FitsDecimal(*out);
}

}  // namespace

Accumulators::Accumulators(const std::vector<plan::Aggregate>& aggregates) : aggregates_(aggregates) {
  for (const plan::Aggregate& aggregate : aggregates_) {
    Slot slot{KindOf(aggregate), width_, aggregate.function == AggregateFunction::kMin,
              aggregate.argument_type, aggregate.result_type, &aggregate};
    width_ += slot.kind == Kind::kCount || slot.kind == Kind::kDistinct ? 8 : 24;
    slots_.push_back(slot);
  }
}

void Accumulators::AddExact(std::byte* row, const Slot& slot, Decimal value, int64_t n) const {
  Decimal sum;
  int64_t count;
  std::memcpy(&sum, row + slot.offset, 16);
  std::memcpy(&count, row + slot.offset + 16, 8);
  if (count == kOverflow) return;
  count = __builtin_add_overflow(sum, value, &sum) || n == kOverflow ? kOverflow : count + n;
  std::memcpy(row + slot.offset, &sum, 16);
  std::memcpy(row + slot.offset + 16, &count, 8);
}

void Accumulators::AddText(int a, std::string_view text, std::byte* row, batch::StringArena* arena) const {
  const Slot& slot = slots_[a];
  StringRef current;
  std::memcpy(&current, row + slot.offset, 16);
  auto* has = reinterpret_cast<uint8_t*>(row + slot.offset + 16);
  if (*has != 0 && !Better(a, text, current.view())) return;
  const StringRef ref(text.size() <= StringRef::kInline || arena == nullptr ? text : arena->Copy(text));
  std::memcpy(row + slot.offset, &ref, 16);
  *has = 1;
}

bool Accumulators::TextOf(int a, const std::byte* row, std::string_view* text) const {
  const std::byte* at = row + slots_[a].offset;
  if (Load<uint8_t>(at + 16) == 0) return false;
  // Short texts lie in the reference itself: the view is of the row's own bytes.
  *text = reinterpret_cast<const StringRef*>(at)->view();
  return true;
}

void Accumulators::PointText(int a, std::string_view text, std::byte* row) const {
  const StringRef ref(text);
  std::memcpy(row + slots_[a].offset, &ref, 16);
  row[slots_[a].offset + 16] = std::byte{1};
}

void Accumulators::AddRows(int a, const Column* argument, const uint8_t* filter, const uint32_t* rows, int64_t count,
                           std::byte* const* targets, batch::StringArena* arena) const {
  const Slot& slot = slots_[a];
  const uint8_t* validity = argument != nullptr ? argument->validity() : nullptr;
  auto counts = [&](uint32_t row) {
    return (filter == nullptr || filter[row] != 0) && (validity == nullptr || validity[argument->index(row)] != 0);
  };
  switch (slot.kind) {
    case Kind::kCount:
      if (filter == nullptr && validity == nullptr) {
        for (int64_t i = 0; i < count; ++i) Add<int64_t>(targets[i] + slot.offset, 1);
        break;
      }
      for (int64_t i = 0; i < count; ++i) {
        Add<int64_t>(targets[i] + slot.offset, counts(rows[i]) ? 1 : 0);
      }
      break;
    case Kind::kSumExact:
      WithExact(*argument, [&](auto exact) {
        for (int64_t i = 0; i < count; ++i) {
          if (counts(rows[i])) AddExact(targets[i], slot, exact(rows[i]), 1);
        }
      });
      break;
    case Kind::kSumDouble:
      for (int64_t i = 0; i < count; ++i) {
        if (!counts(rows[i])) continue;
        Add<double>(targets[i] + slot.offset, argument->at<double>(rows[i]));
        Add<int64_t>(targets[i] + slot.offset + 16, 1);
      }
      break;
    case Kind::kMinMax:
      ForType(slot.argument.kind, [&](auto zero) {
        using T = decltype(zero);
        const T* values = argument->data<T>();
        for (int64_t i = 0; i < count; ++i) {
          if (!counts(rows[i])) continue;
          T value;
          std::memcpy(&value, values + argument->index(rows[i]), sizeof(T));
          TakeMinMax<T>(targets[i] + slot.offset, value, slot.is_min);
        }
      });
      break;
    case Kind::kMinMaxText:
      for (int64_t i = 0; i < count; ++i) {
        if (counts(rows[i])) AddText(a, argument->text(rows[i]), targets[i], arena);
      }
      break;
    case Kind::kDistinct:
      break;
  }
}

void Accumulators::AddPartials(int a, const Column* partials, const uint32_t* rows, int64_t count,
                               std::byte* const* targets, batch::StringArena* arena) const {
  const Slot& slot = slots_[a];
  switch (slot.kind) {
    case Kind::kCount:
      for (int64_t i = 0; i < count; ++i) {
        Add<int64_t>(targets[i] + slot.offset, partials[0].at<int64_t>(rows[i]));
      }
      break;
    case Kind::kSumExact:
    case Kind::kSumDouble: {
      const bool avg = slot.aggregate->function == AggregateFunction::kAvg;
      auto add = [&](auto&& take) {
        for (int64_t i = 0; i < count; ++i) {
          const int64_t n = avg ? partials[1].at<int64_t>(rows[i]) : 1;
          if (!partials[0].IsNull(rows[i])) {
            take(i, n);
          } else if (n == kOverflow) {
            AddExact(targets[i], slot, 0, kOverflow);
          }
        }
      };
      if (slot.kind == Kind::kSumExact) {
        WithExact(partials[0], [&](auto exact) {
          add([&](int64_t i, int64_t n) { AddExact(targets[i], slot, exact(rows[i]), n); });
        });
      } else {
        add([&](int64_t i, int64_t n) {
          Add<double>(targets[i] + slot.offset, partials[0].at<double>(rows[i]));
          Add<int64_t>(targets[i] + slot.offset + 16, n);
        });
      }
      break;
    }
    case Kind::kMinMax:
    case Kind::kMinMaxText:
      AddRows(a, &partials[0], nullptr, rows, count, targets, arena);
      break;
    case Kind::kDistinct:
      break;
  }
}

void Accumulators::Merge(const std::byte* from, std::byte* to, batch::StringArena* arena) const {
  for (int a = 0; a < size(); ++a) {
    const Slot& slot = slots_[a];
    const std::byte* source = from + slot.offset;
    std::byte* target = to + slot.offset;
    switch (slot.kind) {
      case Kind::kCount:
        Add<int64_t>(target, Load<int64_t>(source));
        break;
      case Kind::kSumExact: {
        Decimal sum;
        int64_t n;
        std::memcpy(&sum, source, 16);
        std::memcpy(&n, source + 16, 8);
        if (n != 0) AddExact(to, slot, sum, n);
        break;
      }
      case Kind::kSumDouble:
        Add<double>(target, Load<double>(source));
        Add<int64_t>(target + 16, Load<int64_t>(source + 16));
        break;
      case Kind::kMinMax:
        if (Load<uint8_t>(source + 16) == 0) break;
        ForType(slot.argument.kind, [&](auto zero) {
          decltype(zero) value;
          std::memcpy(&value, source, sizeof(value));
          TakeMinMax(target, value, slot.is_min);
        });
        break;
      case Kind::kMinMaxText: {
        if (Load<uint8_t>(source + 16) == 0) break;
        StringRef ref;
        std::memcpy(&ref, source, 16);
        AddText(a, ref.view(), to, arena);
        break;
      }
      case Kind::kDistinct:
        break;
    }
  }
}

bool Accumulators::associative() const {
  for (const Slot& slot : slots_) {
    if (slot.kind == Kind::kSumDouble || slot.kind == Kind::kDistinct) return false;
  }
  return true;
}

bool Accumulators::invertible() const {
  for (const Slot& slot : slots_) {
    if (slot.kind != Kind::kCount && slot.kind != Kind::kSumExact) return false;
  }
  return true;
}

bool Accumulators::Subtract(const std::byte* from, std::byte* to) const {
  for (const Slot& slot : slots_) {
    if (slot.kind == Kind::kCount) {
      Add<int64_t>(to + slot.offset, -Load<int64_t>(from + slot.offset));
      continue;
    }
    const auto n = Load<int64_t>(from + slot.offset + 16);
    if (n == kOverflow || Load<int64_t>(to + slot.offset + 16) == kOverflow) return false;
    auto sum = Load<Decimal>(to + slot.offset);
    if (__builtin_sub_overflow(sum, Load<Decimal>(from + slot.offset), &sum)) return false;
    std::memcpy(to + slot.offset, &sum, sizeof(sum));
    Add<int64_t>(to + slot.offset + 16, -n);
  }
  return true;
}

std::vector<Column> Accumulators::PartialColumns(int a, const std::byte* const* rows, int64_t count,
                                                 const batch::StringArena& arena) const {
  const Slot& slot = slots_[a];
  std::vector<Column> out;
  for (const batch::DataType& type : slot.aggregate->partials) out.push_back(Column::Allocate(type, count));
  const int width = batch::Width(out[0].type().kind);
  char* values = out[0].mutable_data<char>();
  for (int64_t i = 0; i < count; ++i) {
    const std::byte* source = rows[i] + slot.offset;
    std::memcpy(values + i * width, source, static_cast<size_t>(width));
    if (slot.kind == Kind::kCount) continue;
    bool has;
    if (slot.kind == Kind::kMinMax || slot.kind == Kind::kMinMaxText) {
      has = Load<uint8_t>(source + 16) != 0;
    } else {
      const int64_t n = Load<int64_t>(source + 16);
      has = n != 0;
      if (out.size() > 1) out[1].mutable_data<int64_t>()[i] = n;
      if (n == kOverflow) {
        // No sum that fits can be made of it any more.
        const Decimal beyond = ~(Decimal{1} << 127);
        std::memcpy(values + i * width, &beyond, sizeof(beyond));
      }
    }
    if (!has) {
      std::memset(values + i * width, 0, static_cast<size_t>(width));
      out[0].EnsureValidity()[i] = 0;
    }
  }
  if (slot.kind == Kind::kMinMaxText) out[0].AddHeaps(arena.buffers());
  return out;
}

Column Accumulators::Results(int a, const std::byte* const* rows, int64_t count, const batch::StringArena* arena,
                             std::vector<uint32_t>* overflowed) const {
  const Slot& slot = slots_[a];
  const bool avg = slot.aggregate->function == AggregateFunction::kAvg;
  Column out = Column::Allocate(slot.result, count);
  const int width = batch::Width(slot.result.kind);
  char* values = out.mutable_data<char>();
  auto set_null = [&](int64_t i) {
    std::memset(values + i * width, 0, static_cast<size_t>(width));
    out.EnsureValidity()[i] = 0;
  };
  if (slot.kind == Kind::kCount) {
    for (int64_t i = 0; i < count; ++i) std::memcpy(values + i * 8, rows[i] + slot.offset, 8);
    return out;
  }
  for (int64_t i = 0; i < count; ++i) {
    const std::byte* source = rows[i] + slot.offset;
    char* target = values + i * width;
    switch (slot.kind) {
      case Kind::kCount:
      case Kind::kDistinct:
        std::memcpy(target, source, 8);
        break;
      case Kind::kMinMax:
      case Kind::kMinMaxText:
        std::memcpy(target, source, static_cast<size_t>(width));
        if (Load<uint8_t>(source + 16) == 0) set_null(i);
        break;
      case Kind::kSumDouble: {
        const auto n = Load<int64_t>(source + 16);
        double v = Load<double>(source);
        if (avg && n != 0) v /= static_cast<double>(n);
        std::memcpy(target, &v, 8);
        if (n == 0) set_null(i);
        break;
      }
      case Kind::kSumExact: {
        Decimal sum;
        std::memcpy(&sum, source, 16);
        const auto n = Load<int64_t>(source + 16);
        bool fits = n != kOverflow;
        if (n == 0) {
          set_null(i);
          break;
        }
        if (slot.result.kind == TypeKind::kDouble) {
          const double v = static_cast<double>(sum) / static_cast<double>(n);
          std::memcpy(target, &v, 8);
        } else if (slot.result.kind == TypeKind::kDecimal) {
          Decimal v = sum;
          if (fits && avg) fits = DivideDecimal(sum, n, slot.result.scale - slot.argument.scale, &v);
          fits = fits && FitsDecimal(v);
          std::memcpy(target, &v, 16);
        } else {
          fits = fits && sum >= std::numeric_limits<int64_t>::min() && sum <= std::numeric_limits<int64_t>::max();
          const auto v = static_cast<int64_t>(sum);
          std::memcpy(target, &v, 8);
        }
        if (!fits) {
          set_null(i);
          overflowed->push_back(static_cast<uint32_t>(i));
        }
        break;
      }
    }
  }
  if (slot.kind == Kind::kMinMaxText && arena != nullptr) out.AddHeaps(arena->buffers());
  return out;
}

}  // namespace weir::taskmanager
