INSERT INTO schema_version (version) VALUES (22);

-- Left to itself FTS5 merges much at once, and the writer is held for that; so each unit of indexing merges some pages.
/* sqlite */ INSERT INTO search_words (search_words, rank) VALUES ('automerge', 0);
/* sqlite */ INSERT INTO search_words (search_words, rank) VALUES ('crisismerge', 64);
/* sqlite */ CREATE TRIGGER search_mark_moved AFTER UPDATE ON search_mark BEGIN
/* sqlite */     INSERT INTO search_words (search_words, rank) VALUES ('merge', 32);
/* sqlite */ END;
