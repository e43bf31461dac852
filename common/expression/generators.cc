// Functions of generator sources. A value depends on the seed, the row's number and the place of
// the call only, so that rows come out the same whatever the parallelism, the batches and the
// restarts.
#include <algorithm>

#include "common/expression/functions.h"

namespace weir::expression {

using batch::DataType;
using batch::TypeKind;

namespace {

int64_t RowNumber(const EvaluationContext& context, int64_t i) {
  return context.row_numbers != nullptr ? context.row_numbers[i] : context.first_row + i;
}

// SplitMix64's finisher.
uint64_t Mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

class Randomness {
 public:
  Randomness(const EvaluationContext& context, uint64_t site)
      : context_(context), base_(Mix(Mix(context.seed + 0x9e3779b97f4a7c15ULL) ^ site)) {}
  uint64_t At(int64_t i) const {
    return Mix(base_ + 0x9e3779b97f4a7c15ULL * static_cast<uint64_t>(RowNumber(context_, i) + 1));
  }

 private:
  const EvaluationContext& context_;
  uint64_t base_;
};

uint64_t Below(uint64_t random, uint64_t bound) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(random) * bound) >> 64);
}

NodePtr BindSequence(BoundCall& call) {
  return call.Make(
      TypeKind::kBigint,
      [](KernelCall& c) {
        int64_t* out = c.out->mutable_data<int64_t>();
        for (int64_t i = 0; i < c.rows; ++i) out[i] = RowNumber(c.context, i);
      },
      kVolatile);
}

NodePtr BindRandomInt(BoundCall& call) {
  DataType common = DataType{TypeKind::kInt};
  for (size_t i = 0; i < 2; ++i) {
    if (call.kind(i) == TypeKind::kBigint) common.kind = TypeKind::kBigint;
  }
  if (!call.WantKind(0, TypeKind::kBigint) || !call.WantKind(1, TypeKind::kBigint)) return nullptr;
  const batch::Column *low = call.args[0]->Value(), *high = call.args[1]->Value();
  if (low != nullptr && high != nullptr && !low->IsNull(0) && !high->IsNull(0) &&
      low->at<int64_t>(0) > high->at<int64_t>(0)) {
    return call.Fail("random_int(a, b) needs a <= b; both ends are included");
  }
  uint64_t site = call.binder.NextCallSite();
  bool narrow = common.kind == TypeKind::kInt;
  return call.Make(
      common,
      [site, narrow](KernelCall& c) {
        Randomness randomness(c.context, site);
        ForLive(c, [&](int64_t i) {
          int64_t a = c.args[0].at<int64_t>(i), b = c.args[1].at<int64_t>(i);
          if (a > b) return c.Fail(i, "random_int(a, b) needs a <= b");
          uint64_t span = static_cast<uint64_t>(b) - static_cast<uint64_t>(a) + 1;  // 0: all 2^64
          uint64_t offset = span == 0 ? randomness.At(i) : Below(randomness.At(i), span);
          int64_t value = static_cast<int64_t>(static_cast<uint64_t>(a) + offset);
          if (narrow) {
            c.out->mutable_data<int32_t>()[i] = static_cast<int32_t>(value);
          } else {
            c.out->mutable_data<int64_t>()[i] = value;
          }
        });
      },
      kVolatile | kMayFail | kPartial);
}

NodePtr BindRandomString(BoundCall& call) {
  if (!call.WantKind(0, TypeKind::kBigint)) return nullptr;
  uint64_t site = call.binder.NextCallSite();
  return call.Make(
      TypeKind::kString,
      [site](KernelCall& c) {
        constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
        Randomness randomness(c.context, site);
        std::string text;
        ForLive(c, [&](int64_t i) {
          int64_t n = c.args[0].at<int64_t>(i);
          if (n < 0 || n > (1 << 20)) return c.Fail(i, "random_string(n) needs 0 <= n <= 1048576");
          text.clear();
          uint64_t word = randomness.At(i);
          for (int64_t k = 0; k < n; ++k) {
            word = Mix(word + 0x9e3779b97f4a7c15ULL);
            text.push_back(kLetters[Below(word, kLetters.size())]);
          }
          c.SetCopy(i, text);
        });
      },
      kVolatile | kMayFail | kPartial);
}

NodePtr BindRandomChoice(BoundCall& call) {
  if (!call.WantCommon()) return nullptr;
  uint64_t site = call.binder.NextCallSite();
  DataType type = call.type(0);
  bool nullable = call.AnyNullable();
  size_t width = static_cast<size_t>(batch::Width(type.kind));
  return call.Make(
      type,
      [site, width](KernelCall& c) {
        Randomness randomness(c.context, site);
        char* out = c.out->mutable_data<char>();
        for (int64_t i = 0; i < c.rows; ++i) {
          const batch::Column& chosen = c.args[Below(randomness.At(i), c.args.size())];
          std::copy_n(chosen.data<char>() + static_cast<size_t>(chosen.index(i)) * width, width,
                      out + static_cast<size_t>(i) * width);
          if (chosen.IsNull(i)) c.SetNull(i);
        }
        if (batch::IsVariable(c.out->type().kind)) {
          for (size_t k = 0; k < c.args.size(); ++k) c.KeepBytes(static_cast<int>(k));
        }
      },
      kVolatile | kTakesNull | (nullable ? kMayNull : kPure));
}

}  // namespace

void AddGenerators(FunctionTable* table) {
  (*table)["sequence"] = {0, 0, BindSequence, "sequence()", true};
  (*table)["random_int"] = {2, 2, BindRandomInt, "random_int(from, to)", true};
  (*table)["random_string"] = {1, 1, BindRandomString, "random_string(length)", true};
  (*table)["random_choice"] = {1, -1, BindRandomChoice, "random_choice(a, b, …)", true};
}

}  // namespace weir::expression
