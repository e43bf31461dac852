#pragma once

#include <map>
#include <string>
#include <string_view>

#include "common/expression/binder.h"

namespace weir::expression {

/// How a function or operator is bound.
struct Function {
  int min_args = 0;
  int max_args = 0;  // -1: any number
  NodePtr (*bind)(BoundCall& call) = nullptr;
  /// How it is called, for messages; empty for operators, which users do not call by name.
  std::string_view usage;
  bool generator = false;
};

/// By name in lower case. Built once, immutable.
using FunctionTable = std::map<std::string, Function, std::less<>>;
const FunctionTable& Functions();

// Each adds its room's functions.
void AddArithmetic(FunctionTable* table);
void AddComparisons(FunctionTable* table);
void AddConditionals(FunctionTable* table);
void AddMath(FunctionTable* table);
void AddRounding(FunctionTable* table);
void AddStrings(FunctionTable* table);
void AddStringSearch(FunctionTable* table);
void AddLike(FunctionTable* table);
void AddPatterns(FunctionTable* table);
void AddUrls(FunctionTable* table);
void AddTime(FunctionTable* table);
void AddTimeArithmetic(FunctionTable* table);
void AddTimeText(FunctionTable* table);
void AddGenerators(FunctionTable* table);
void AddCasts(FunctionTable* table);

}  // namespace weir::expression
