"""What people do, one transaction of theirs each: pages and JSON API go through the same function."""
