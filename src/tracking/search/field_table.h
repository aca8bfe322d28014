#pragma once

#include <span>
#include <string_view>

#include "tracking/search/filter.h"
#include "tracking/search/vocabulary.h"

// What each kind of thing can be searched for and ordered by, as MLflow has it.
namespace tenure::tracking {

/// A word in front of the dot: "metrics" in metrics.acc.
struct EntityName {
  std::string_view name;
  Field field;
};
/// Both live forever.
std::span<const Attribute> attributes_of(SearchLanguage language);
std::span<const EntityName> entities_of(SearchLanguage language);

}  // namespace tenure::tracking
