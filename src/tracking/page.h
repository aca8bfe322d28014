#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tenure::tracking {

/// One page of a listing. The token is empty on the last page; it is MLflow's: base64 of
/// {"offset": N} (mlflow.md §9.1).
template <class T>
struct Page {
  std::vector<T> items;
  std::string next_page_token;
};

/// What every search asks for, in MLflow's search language (search/filter.h).
struct SearchQuery {
  std::string filter;
  std::vector<std::string> order_by;
  std::int64_t max_results = 0;
  std::string page_token;
};

/// Whether deleted experiments and runs are wanted.
enum class ViewType : std::uint8_t { kActiveOnly = 1, kDeletedOnly = 2, kAll = 3 };

}  // namespace tenure::tracking
