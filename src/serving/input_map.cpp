#include "serving/input_map.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

namespace tenure::serving {

void InputMap::update(const ModelSnapshot& from, const ModelSnapshot& to) {
  if (is_known_ && from_digest_ == from.inputs_digest && to_digest_ == to.inputs_digest &&
      has_reader_ == to.reader.has_value())
    return;
  is_known_ = true;
  from_digest_ = from.inputs_digest;
  to_digest_ = to.inputs_digest;
  has_reader_ = to.reader.has_value();
  is_identity_ = from.inputs_digest == to.inputs_digest;
  is_complete_ = true;
  refusal_.clear();
  from_place_.clear();
  const auto have = from.model.transform().inputs();
  for (const learn::InputField& wanted : to.model.transform().inputs()) {
    const auto found = std::ranges::find(have, wanted.name, &learn::InputField::name);
    from_place_.push_back(found == have.end() ? kNowhere
                                              : static_cast<std::uint32_t>(found - have.begin()));
    if (found == have.end()) {
      is_complete_ = false;
      if (!has_reader_)
        refusal_ = fmt::format(
            "its input '{}' is not the champion's, and it reads no stored features", wanted.name);
    } else if (found->type != wanted.type) {
      refusal_ = fmt::format("its input '{}' is of another type than the champion's", wanted.name);
    }
    if (!refusal_.empty()) return;
  }
}

void InputMap::apply(std::span<const data::Cell> from, std::span<data::Cell> to) const {
  for (std::size_t i = 0; i < to.size(); ++i) {
    const std::uint32_t place = from_place_[i];
    to[i] = place < from.size() ? from[place] : data::Cell{};
  }
}

}  // namespace tenure::serving
