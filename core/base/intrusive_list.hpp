#pragma once

namespace reki {

/// What an element of an `IntrusiveList` derives from, once per list that it can be in at the same time.
template <class Tag>
class ListHook {
 public:
  ListHook() = default;
  ListHook(const ListHook&) = delete;
  ListHook& operator=(const ListHook&) = delete;

  bool linked() const { return next_ != this; }
  /// Out of whatever list it is in.
  void unlink() {
    prev_->next_ = next_;
    next_->prev_ = prev_;
    next_ = prev_ = this;
  }

 private:
  template <class, class>
  friend class IntrusiveList;
  ListHook* prev_ = this;
  ListHook* next_ = this;
};

/// A queue of elements that it does not own: nothing is allocated, and any element leaves in constant time.
///
/// No thread safety. Elements must leave before they or the list are destroyed.
template <class T, class Tag>
class IntrusiveList {
 public:
  bool empty() const { return !root_.linked(); }
  /// REQUIRES, as back(): it is not empty.
  T& front() { return *static_cast<T*>(root_.next_); }
  const T& front() const { return *static_cast<const T*>(root_.next_); }
  T& back() { return *static_cast<T*>(root_.prev_); }
  /// The first one; null if there is none.
  T* first() { return empty() ? nullptr : &front(); }
  /// The one behind it; null if it is the last. REQUIRES: it is in this list.
  T* after(T& element) {
    Hook* const next = static_cast<Hook&>(element).next_;
    return next == &root_ ? nullptr : static_cast<T*>(next);
  }
  /// The one ahead of it; null if it is the first. REQUIRES: it is in this list.
  T* before(T& element) {
    Hook* const previous = static_cast<Hook&>(element).prev_;
    return previous == &root_ ? nullptr : static_cast<T*>(previous);
  }
  /// REQUIRES: it is in no list of this tag.
  void push_back(T& element) { link(element, *root_.prev_, root_); }
  void push_front(T& element) { link(element, root_, *root_.next_); }
  /// REQUIRES: `element` is in no list of this tag, and `position` in this one.
  void insert_after(T& position, T& element) {
    Hook& at = position;
    link(element, at, *at.next_);
  }

  /// All elements of `other` go to this list's end.
  void append(IntrusiveList& other) {
    if (other.empty()) return;
    Hook* const first = other.root_.next_;
    Hook* const last = other.root_.prev_;
    other.root_.next_ = other.root_.prev_ = &other.root_;
    first->prev_ = root_.prev_;
    root_.prev_->next_ = first;
    last->next_ = &root_;
    root_.prev_ = last;
  }

 private:
  using Hook = ListHook<Tag>;
  static void link(Hook& element, Hook& before, Hook& after) {
    element.prev_ = &before;
    element.next_ = &after;
    before.next_ = &element;
    after.prev_ = &element;
  }
  Hook root_;
};

}  // namespace reki
