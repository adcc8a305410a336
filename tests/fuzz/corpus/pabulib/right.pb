META
key;value
description;Three projects
budget;1000
vote_type;approval
PROJECTS
project_id;cost;votes;name
1;600;4;"A park; and benches"
2;400;3;A bridge
3;500;5;Trees
VOTES
voter_id;age;vote
1;34;1,3
2;51;2
