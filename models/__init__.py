"""What is being decided: instances, and one readable formulation per problem."""
