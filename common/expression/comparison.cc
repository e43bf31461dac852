// = <> < <= > >=, IS DISTINCT FROM, IN, BETWEEN, greatest and least.
#include <algorithm>
#include <cstring>
#include <functional>
#include <unordered_set>

#include "common/expression/decimal_math.h"
#include "common/expression/functions.h"

namespace weir::expression {

using batch::Column;
using batch::DataType;
using batch::Decimal;
using batch::StringRef;
using batch::TypeKind;

namespace {

template <typename T, typename Op>
Kernel Plain() {
  return [](KernelCall& c) {
    Map2<T, T, uint8_t>(c, [](const T& a, const T& b) { return static_cast<uint8_t>(Op()(a, b)); });
  };
}

// The two halves of a short string; strings of 12 bytes at most are equal when both are.
struct Halves {
  uint64_t low, high;
  explicit Halves(const StringRef& text) { std::memcpy(this, &text, sizeof(*this)); }
  uint8_t Equals(const StringRef& other) const {
    const Halves o(other);
    return static_cast<uint8_t>(((low ^ o.low) | (high ^ o.high)) == 0);
  }
};
static_assert(sizeof(Halves) == sizeof(StringRef));

// Equality with a short constant needs no look at where the others' bytes lie.
template <bool kEqual>
Kernel EqualText() {
  return [](KernelCall& c) {
    for (size_t k = 0; k < 2; ++k) {
      if (!c.args[k].constant() || c.args[1 - k].constant() || !c.args[k].at<StringRef>(0).is_inline()) continue;
      const Halves wanted(c.args[k].at<StringRef>(0));
      const StringRef* texts = c.args[1 - k].data<StringRef>();
      uint8_t* out = c.out->mutable_data<uint8_t>();
      for (int64_t i = 0; i < c.rows; ++i) out[i] = wanted.Equals(texts[i]) ^ uint8_t{!kEqual};
      return;
    }
    Map2<StringRef, StringRef, uint8_t>(c, [](const StringRef& a, const StringRef& b) {
      return static_cast<uint8_t>((a == b) == kEqual);
    });
  };
}

template <typename Op>
struct ByText {
  bool operator()(const StringRef& a, const StringRef& b) const {
    return Op()(a.view().compare(b.view()), 0);
  }
};

template <typename T>
Kernel CompareOf(std::string_view op) {
  if (op == "=") return Plain<T, std::equal_to<T>>();
  if (op == "<>") return Plain<T, std::not_equal_to<T>>();
  if (op == "<") return Plain<T, std::less<T>>();
  if (op == "<=") return Plain<T, std::less_equal<T>>();
  if (op == ">") return Plain<T, std::greater<T>>();
  return Plain<T, std::greater_equal<T>>();
}

Kernel CompareText(std::string_view op) {
  if (op == "=") return EqualText<true>();
  if (op == "<>") return EqualText<false>();
  if (op == "<") return Plain<StringRef, ByText<std::less<int>>>();
  if (op == "<=") return Plain<StringRef, ByText<std::less_equal<int>>>();
  if (op == ">") return Plain<StringRef, ByText<std::greater<int>>>();
  return Plain<StringRef, ByText<std::greater_equal<int>>>();
}

// Decimals whose scales or digits do not fit one type: compared exactly.
Kernel CompareWide(std::string_view name, int as, int bs) {
  char first = name[0];
  bool equal = name == "=" || name == "<=" || name == ">=";
  bool different = name == "<>";
  return [=](KernelCall& c) {
    Map2<Decimal, Decimal, uint8_t>(c, [=](Decimal a, Decimal b) {
      int order = CompareDecimals(a, as, b, bs);
      bool result = different    ? order != 0
                    : order == 0 ? equal
                    : order < 0  ? first == '<'
                                 : first == '>';
      return static_cast<uint8_t>(result);
    });
  };
}

bool IsExactDecimalPair(const BoundCall& call) {
  auto exact = [](TypeKind kind) { return kind == TypeKind::kDecimal || IsInteger(kind); };
  return exact(call.kind(0)) && exact(call.kind(1)) &&
         (call.kind(0) == TypeKind::kDecimal || call.kind(1) == TypeKind::kDecimal);
}

// Makes both sides comparable, and returns the kernel; null after a problem.
Kernel Comparable(BoundCall& call, std::string_view op) {
  if (IsExactDecimalPair(call)) {
    DataType a = AsDecimal(call.type(0)), b = AsDecimal(call.type(1));
    int whole = std::max(a.precision - a.scale, b.precision - b.scale);
    if (whole + std::max(a.scale, b.scale) > 38) {
      if (!call.Want(0, a) || !call.Want(1, b)) return nullptr;
      return CompareWide(op, a.scale, b.scale);
    }
  }
  if (!call.WantCommon()) return nullptr;
  return CompareKernel(call.type(0), op);
}

NodePtr BindComparison(BoundCall& call) {
  Kernel kernel = Comparable(call, call.ast.name);
  if (!kernel) return nullptr;
  return call.Make(TypeKind::kBoolean, std::move(kernel));
}

NodePtr BindDistinct(BoundCall& call) {
  Kernel differ = Comparable(call, "<>");
  if (!differ) return nullptr;
  Kernel kernel = [differ](KernelCall& c) {
    differ(c);
    const Column &a = c.args[0], &b = c.args[1];
    if (a.validity() == nullptr && b.validity() == nullptr) return;
    uint8_t* out = c.out->mutable_data<uint8_t>();
    for (int64_t i = 0; i < c.rows; ++i) {
      bool x = a.IsNull(i), y = b.IsNull(i);
      if (x || y) out[i] = x != y;
    }
  };
  return call.Make(TypeKind::kBoolean, std::move(kernel), kTakesNull);
}

template <typename T, typename Set>
Kernel MemberKernel(std::shared_ptr<const Set> set, bool has_null) {
  return [set, has_null](KernelCall& c) {
    Map1<T, uint8_t>(c, [&set](const T& a) {
      if constexpr (std::is_same_v<T, StringRef>) {
        return static_cast<uint8_t>(set->count(a.view()));
      } else {
        return static_cast<uint8_t>(std::binary_search(set->begin(), set->end(), a));
      }
    });
    if (!has_null) return;
    const uint8_t* out = c.out->data<uint8_t>();
    for (int64_t i = 0; i < c.rows; ++i) {
      if (out[i] == 0) c.SetNull(i);  // not among the others: unknown
    }
  };
}

template <typename T>
Kernel ConstantMembers(const BoundCall& call, bool* has_null) {
  auto set = std::make_shared<std::vector<T>>();
  for (size_t i = 1; i < call.size(); ++i) {
    const Column* value = call.args[i]->Value();
    if (value->IsNull(0)) {
      *has_null = true;
    } else {
      set->push_back(value->at<T>(0));
    }
  }
  std::sort(set->begin(), set->end());
  return MemberKernel<T, std::vector<T>>(set, *has_null);
}

// A few short texts: compared one after the other, all rows at once.
Kernel FewShortTexts(const std::vector<Column>& members) {
  std::vector<Halves> wanted;
  for (const Column& member : members) wanted.emplace_back(member.at<StringRef>(0));
  return [wanted](KernelCall& c) {
    const StringRef* texts = c.args[0].data<StringRef>();
    uint8_t* out = c.out->mutable_data<uint8_t>();
    std::memset(out, 0, static_cast<size_t>(c.rows));
    for (const Halves& one : wanted) {
      for (int64_t i = 0; i < c.rows; ++i) out[i] |= one.Equals(texts[i]);
    }
  };
}

struct OwnedTexts {
  std::vector<Column> owners;  // keep the bytes
  std::unordered_set<std::string_view> views;
  size_t count(std::string_view text) const { return views.count(text); }
};

Kernel ConstantTexts(const BoundCall& call, bool* has_null) {
  auto set = std::make_shared<OwnedTexts>();
  for (size_t i = 1; i < call.size(); ++i) {
    const Column* value = call.args[i]->Value();
    if (value->IsNull(0)) {
      *has_null = true;
      continue;
    }
    set->owners.push_back(*value);  // shares its buffers, so the view stays where it is
  }
  const bool few = set->owners.size() <= 8;
  if (!*has_null && few && std::all_of(set->owners.begin(), set->owners.end(), [](const Column& owner) {
        return owner.at<StringRef>(0).is_inline();
      })) {
    return FewShortTexts(set->owners);
  }
  for (const Column& owner : set->owners) set->views.insert(owner.text(0));
  return MemberKernel<StringRef, OwnedTexts>(set, *has_null);
}

NodePtr BindIn(BoundCall& call) {
  if (!call.WantCommon()) return nullptr;
  bool all_constant = std::all_of(call.args.begin() + 1, call.args.end(),
                                  [](const NodePtr& arg) { return arg->Value() != nullptr; });
  TypeKind kind = call.kind(0);
  if (!all_constant || kind == TypeKind::kDouble) {
    // One comparison each; the value is computed once.
    NodePtr value = call.args[0];
    size_t slot = call.binder.NextSlot();
    NodePtr read = value->Value() != nullptr || value->ColumnIndex() >= 0
                       ? value
                       : std::make_shared<SlotNode>(slot, value->type());
    std::vector<NodePtr> tests;
    for (size_t i = 1; i < call.size(); ++i) {
      tests.push_back(Fold(call.MakeOf({read, call.args[i]}, DataType{TypeKind::kBoolean},
                                       CompareKernel(call.type(0), "="))));
    }
    NodePtr any =
        tests.size() == 1 ? tests[0] : std::make_shared<AndOrNode>(false, std::move(tests));
    return read == value ? any : std::make_shared<LetNode>(slot, value, any);
  }
  bool has_null = false;
  Kernel kernel;
  switch (batch::Width(kind)) {
    case 1:
      kernel = ConstantMembers<uint8_t>(call, &has_null);
      break;
    case 4:
      kernel = ConstantMembers<int32_t>(call, &has_null);
      break;
    case 8:
      kernel = ConstantMembers<int64_t>(call, &has_null);
      break;
    default:
      kernel = batch::IsVariable(kind) ? ConstantTexts(call, &has_null)
                                       : ConstantMembers<Decimal>(call, &has_null);
  }
  return call.MakeOf({call.args[0]}, DataType{TypeKind::kBoolean}, std::move(kernel),
                     has_null ? kMayNull : kPure);
}

NodePtr BindBetween(BoundCall& call) {
  if (!call.WantCommon()) return nullptr;
  NodePtr value = call.args[0];
  size_t slot = call.binder.NextSlot();
  NodePtr read = value->Value() != nullptr || value->ColumnIndex() >= 0
                     ? value
                     : std::make_shared<SlotNode>(slot, value->type());
  DataType boolean{TypeKind::kBoolean};
  std::vector<NodePtr> both = {
      Fold(call.MakeOf({read, call.args[1]}, boolean, CompareKernel(call.type(0), ">="))),
      Fold(call.MakeOf({read, call.args[2]}, boolean, CompareKernel(call.type(0), "<=")))};
  NodePtr test = std::make_shared<AndOrNode>(true, std::move(both));
  return read == value ? test : std::make_shared<LetNode>(slot, value, test);
}

template <typename T, typename Pick>
void PickOne(KernelCall& c, Pick pick) {
  T* out = c.out->mutable_data<T>();
  for (int64_t i = 0; i < c.rows; ++i) {
    size_t best = 0;
    for (size_t k = 1; k < c.args.size(); ++k) {
      if (pick(c.args[k].at<T>(i), c.args[best].at<T>(i))) best = k;
    }
    out[i] = c.args[best].at<T>(i);
  }
}

template <typename T>
Kernel ExtremeOf(bool greatest) {
  return [greatest](KernelCall& c) {
    PickOne<T>(c, [greatest](const T& a, const T& b) { return greatest ? b < a : a < b; });
  };
}

NodePtr BindExtreme(BoundCall& call) {
  if (!call.WantCommon()) return nullptr;
  bool greatest = call.ast.name == "greatest";
  Kernel kernel;
  switch (call.kind(0)) {
    case TypeKind::kBoolean:
      kernel = ExtremeOf<uint8_t>(greatest);
      break;
    case TypeKind::kInt:
    case TypeKind::kDate:
      kernel = ExtremeOf<int32_t>(greatest);
      break;
    case TypeKind::kBigint:
    case TypeKind::kTimestamp:
      kernel = ExtremeOf<int64_t>(greatest);
      break;
    case TypeKind::kDouble:
      kernel = ExtremeOf<double>(greatest);
      break;
    case TypeKind::kDecimal:
      kernel = ExtremeOf<Decimal>(greatest);
      break;
    default:
      kernel = [greatest](KernelCall& c) {
        PickOne<StringRef>(c, [greatest](const StringRef& a, const StringRef& b) {
          return greatest ? b.view() < a.view() : a.view() < b.view();
        });
        for (size_t k = 0; k < c.args.size(); ++k) c.KeepBytes(static_cast<int>(k));
      };
  }
  return call.Make(call.type(0), std::move(kernel));
}

}  // namespace

Kernel CompareKernel(const DataType& type, std::string_view op) {
  switch (type.kind) {
    case TypeKind::kBoolean:
      return CompareOf<uint8_t>(op);
    case TypeKind::kInt:
    case TypeKind::kDate:
      return CompareOf<int32_t>(op);
    case TypeKind::kBigint:
    case TypeKind::kTimestamp:
      return CompareOf<int64_t>(op);
    case TypeKind::kDouble:
      return CompareOf<double>(op);
    case TypeKind::kDecimal:
      return CompareOf<Decimal>(op);
    case TypeKind::kString:
    case TypeKind::kBytes:
      break;
  }
  return CompareText(op);
}

void AddComparisons(FunctionTable* table) {
  for (const char* name : {"=", "<>", "<", "<=", ">", ">="})
    (*table)[name] = {2, 2, BindComparison, ""};
  (*table)["is distinct"] = {2, 2, BindDistinct, ""};
  (*table)["in"] = {2, -1, BindIn, ""};
  (*table)["between"] = {3, 3, BindBetween, ""};
  (*table)["greatest"] = {1, -1, BindExtreme, "greatest(a, b, …)"};
  (*table)["least"] = {1, -1, BindExtreme, "least(a, b, …)"};
}

}  // namespace weir::expression
