#include "platform/events/topics.hpp"

#include <algorithm>

namespace modelops::events {

std::size_t Topics::slot_of(std::string_view topic) { return std::hash<std::string_view>()(topic) % slot_count; }

std::uint64_t Topics::version(std::string_view topic) const {
  std::lock_guard lock(mutex_);
  return slots_[slot_of(topic)].version;
}

void Topics::notify(std::string_view topic) {
  std::lock_guard lock(mutex_);
  Slot& slot = slots_[slot_of(topic)];
  ++slot.version;
  waiting_ -= std::erase_if(slot.waiters, [&](Waiter& waiter) {
    if (waiter.topic != topic) return false;
    waiter.wake();
    return true;
  });
}

void Topics::notify_all() {
  std::lock_guard lock(mutex_);
  for (Slot& slot : slots_) {
    ++slot.version;
    for (const Waiter& waiter : slot.waiters) waiter.wake();
    slot.waiters.clear();
  }
  waiting_ = 0;
}

Topics::WaiterId Topics::wait(std::string_view topic, std::uint64_t seen, std::function<void()> wake) {
  std::lock_guard lock(mutex_);
  const std::size_t index = slot_of(topic);
  // The id names its slot, so that `cancel` finds the waiter without a second table.
  const WaiterId id = next_++ * slot_count + index;
  Slot& slot = slots_[index];
  if (slot.version > seen) {
    wake();
  } else {
    slot.waiters.push_back({id, std::string(topic), std::move(wake)});
    ++waiting_;
  }
  return id;
}

void Topics::cancel(WaiterId id) {
  std::lock_guard lock(mutex_);
  waiting_ -= std::erase_if(slots_[id % slot_count].waiters, [&](const Waiter& waiter) { return waiter.id == id; });
}

std::size_t Topics::waiters() const {
  std::lock_guard lock(mutex_);
  return waiting_;
}

}  // namespace modelops::events
