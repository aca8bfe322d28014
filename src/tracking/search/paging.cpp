#include "tracking/search/paging.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "tracking/validation.h"

namespace tenure::tracking {
namespace {

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

std::int64_t greatest_page(SearchLanguage language) {
  switch (language) {
    case SearchLanguage::kRegisteredModels:
      return 1'000;
    case SearchLanguage::kModelVersions:
      return 200'000;
    default:
      return 50'000;
  }
}

core::Result<> check_max_results(std::int64_t asked, SearchLanguage language) {
  const std::int64_t greatest = greatest_page(language);
  const bool is_registry =
      language == SearchLanguage::kRegisteredModels || language == SearchLanguage::kModelVersions;
  if (asked < 1) {
    if (language == SearchLanguage::kModelVersions) {
      return invalid(fmt::format(
          "Invalid value for max_results. It must be a positive integer, but got {}", asked));
    }
    return invalid(fmt::format(
        "Invalid value {} for parameter 'max_results' supplied. It must be a positive integer",
        asked));
  }
  if (asked <= greatest) return {};
  if (is_registry) {
    return invalid(
        fmt::format("Invalid value for request parameter max_results. It must be at "
                    "most {}, but got value {}",
                    greatest, asked));
  }
  if (language == SearchLanguage::kRuns) {
    return invalid(
        fmt::format("Invalid value {} for parameter 'max_results' supplied:  Hint: Value was of "
                    "type 'int'.{}",
                    asked, kSeeApiDocs));
  }
  return invalid(
      fmt::format("Invalid value {} for parameter 'max_results' supplied. It must be at most {}",
                  asked, greatest));
}

}  // namespace

core::Result<ReadQuery> read_query(const SearchQuery& query, SearchLanguage language) {
  ReadQuery read;
  read.max_results = query.max_results;
  if (auto checked = check_max_results(query.max_results, language); !checked)
    return std::move(checked).error();
  auto conditions = read_filter(query.filter, language);
  if (!conditions) return std::move(conditions).error();
  read.conditions = std::move(*conditions);
  auto order_by = read_order_by(query.order_by, language);
  if (!order_by) return std::move(order_by).error();
  read.order_by = std::move(*order_by);
  auto offset = read_page_token(query.page_token);
  if (!offset) return std::move(offset).error();
  read.offset = *offset;
  return read;
}

void add_page(Statement& statement, const ReadQuery& query) {
  statement.add(" LIMIT ").bind(query.max_results + 1);
  statement.add(" OFFSET ").bind(query.offset);
}

core::Result<std::vector<std::int64_t>> read_experiment_ids(std::span<const std::string> ids) {
  std::vector<std::int64_t> numbers;
  for (const std::string& id : ids) {
    std::int64_t number = 0;
    const auto read = std::from_chars(id.data(), id.data() + id.size(), number);
    if (read.ec != std::errc() || read.ptr != id.data() + id.size()) {
      return invalid(
          fmt::format("Invalid experiment ID '{}'. Experiment ID must be a valid integer.", id));
    }
    numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

void add_experiments(Statement& statement, std::string_view column,
                     const std::vector<std::int64_t>& ids) {
  statement.add(column);
  if (ids.size() == 1)
    statement.add(" = ").bind(ids.front());
  else
    statement.add(" IN ").bind_list(ids);
}

}  // namespace tenure::tracking
