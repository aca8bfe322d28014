#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/mlflow/entity_json.h"
#include "api/mlflow/field_reader.h"
#include "tracking/page.h"

// The fields that all searches share, and the page they answer.
namespace tenure::api::mlflow {

/// filter, order_by, max_results and page_token.
inline tracking::SearchQuery read_search(FieldReader& in, std::int64_t default_max_results) {
  tracking::SearchQuery query;
  query.max_results = in.integer("max_results").value_or(default_max_results);
  query.filter = in.text("filter");
  query.order_by = in.texts("order_by");
  query.page_token = in.text("page_token");
  return query;
}

/// ACTIVE_ONLY when absent.
inline tracking::ViewType read_view(FieldReader& in, std::string_view name) {
  constexpr std::string_view kNames[] = {"", "ACTIVE_ONLY", "DELETED_ONLY", "ALL"};
  return static_cast<tracking::ViewType>(in.choice(name, kNames).value_or(1));
}

/// {"<name>": [...], "next_page_token": "..."}, without what is empty.
template <class T, class Append>
void append_page(std::string& out, std::string_view name, const tracking::Page<T>& page,
                 Append append) {
  ObjectText body(out);
  body.list_if_any(name, page.items, append);
  body.text_if_any("next_page_token", page.next_page_token);
  body.end();
}

}  // namespace tenure::api::mlflow
