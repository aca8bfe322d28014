#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/config.h"
#include "core/result.h"
#include "data/dataset.h"
#include "data/table.h"

namespace tenure::features {

/// What features describe: a customer, an account.
struct Entity {
  std::string name;
  std::string key;                                      ///< join column
  data::ColumnType key_type = data::ColumnType::kText;  ///< kText or kInteger
};

struct Feature {
  std::string name;
  std::string source_column;
  data::ColumnType type = data::ColumnType::kNumber;
};

/// Columns of one source that change together, with the time from which they hold.
struct FeatureView {
  std::string name;
  std::string entity;
  std::string source;  ///< Parquet file, absolute
  /// "data" (the project's table), or the file as tenure.yaml names it: what stays the same when
  /// the project is moved or its table changes. Empty in definitions kept by older programs.
  std::string source_name = {};
  std::string timestamp_column;
  std::string created_column;  ///< decides between rows of equal time; may be empty
  core::Micros ttl = 0;        ///< 0 = values never expire
  bool is_online = true;
  std::vector<Feature> features;
};

/// A feature as a model asks for it: view `view`, feature `feature`.
struct FeatureRef {
  std::string view;
  std::string feature;
  friend bool operator==(const FeatureRef&, const FeatureRef&) = default;
};

/// The ordered inputs of a model.
struct FeatureService {
  std::string name;
  std::vector<FeatureRef> features;
};

/// Name of the source that is the project's own table.
inline constexpr std::string_view kDataSource = "data";

/// Everything section `features` of tenure.yaml defines, checked: names resolve, types are known,
/// no duplicates. With no `features` section at all, one entity (`customer`, keyed by data.id), one
/// view (`profile`, every column of the data set) and one service (`default`) are defined, so a
/// table needs no further words.
struct Definitions {
  std::string project;
  std::vector<Entity> entities;
  std::vector<FeatureView> views;
  std::vector<FeatureService> services;

  const Entity* entity(std::string_view name) const;
  const FeatureView* view(std::string_view name) const;
  /// That there is no view of that name: the nearest, and all there are. kNotFound.
  core::Error unknown_view(std::string_view name) const;
  core::Result<const FeatureService*> service(
      std::string_view name) const;  ///< "" = the only or first one
  const Entity& entity_of(const FeatureView& view) const;

  /// `dataset` gives the source 'data' its file and column types; other Parquet sources are asked
  /// through `engine`. Errors: kInvalidArgument with tenure.yaml's line; kNotFound for a missing
  /// source.
  static core::Result<Definitions> from_config(const core::Config& config,
                                               const data::Dataset& dataset, data::Engine& engine);
  core::Json to_json() const;
  static core::Result<Definitions> from_json(const core::Json& json);
};

}  // namespace tenure::features
